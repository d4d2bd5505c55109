package io.moepress.calibrate.measure;

import io.moepress.calibrate.forward.Continuity;
import io.moepress.calibrate.forward.ForwardPass;
import io.moepress.calibrate.forward.LayerRevision;
import io.moepress.calibrate.forward.LinearSum;
import io.moepress.calibrate.forward.MoePass;
import io.moepress.calibrate.forward.PassHooks;
import io.moepress.calibrate.forward.PassResources;
import io.moepress.calibrate.measure.CodeSearch.Question;
import io.moepress.formats.Checks;
import io.moepress.formats.architecture.LinearInput;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.tensor.Shape;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.LayerCodes;
import io.moepress.recipes.plan.LayerCodes.Raised;
import io.moepress.recipes.plan.PlanArray;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.QuantizeWeights;
import io.moepress.recipes.plan.QuantizeWeights.Part;
import io.moepress.recipes.plan.QuantizedStorage;
import io.moepress.recipes.plan.StarvedCodes;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/// A search for codes under way, layer by layer. Of a layer with experts their codes come first,
/// and those of its other maps when all of the layer has been seen.
final class LayerCodeSearch implements MoePass.Observer {
  private static final String TITLE = "quantising";

  private final CodeSearch how;
  private final Question question;
  private final PassResources resources;
  private final Path directory;
  private final String inputs;
  private final SortedMap<Integer, List<Part>> parts;
  private final CodeFinder finder;
  private final SortedMap<Integer, LayerCodes> found = new TreeMap<>();

  // of the layer that is looked at
  private final Map<TensorId, int[]> words = new HashMap<>();
  private final List<Integer> starved = new ArrayList<>();
  private final List<Raised> raised = new ArrayList<>();
  private double loss;

  LayerCodeSearch(CodeSearch how, Question question, PassResources resources, Path directory) {
    this.how = how;
    this.question = question;
    this.resources = resources;
    this.directory = directory;
    this.inputs = how.inputs(question);
    this.parts = how.parts(question.model());
    this.finder = new CodeFinder(question.model(), how.method(), this::part);
  }

  /// What cannot be quantised is said before time is spent on it.
  void requireFitting() {
    List<QuantizeWeights> steps = new ArrayList<>();
    parts.forEach((layer, of) -> steps.add(step(layer, of)));
    Lowering.lower(question.model(), steps);
  }

  void findKept() throws IOException {
    for (int layer : parts.keySet()) {
      LayerCodes.find(file(layer), inputs).ifPresent(codes -> found.put(layer, codes));
    }
  }

  private Path file(int layer) {
    return directory.resolve(Checks.text("layer-%03d.json", layer));
  }

  boolean isFinished() {
    return found.keySet().containsAll(parts.keySet());
  }

  /// The codes so far.
  SortedMap<Integer, LayerCodes> found() {
    return found;
  }

  void run() throws IOException {
    LayerRevision revision = how.method().hessians().sequential() ? this::revised : null;
    new ForwardPass(question.model(), resources)
        .run(TITLE, question.corpus(), new PassHooks(this, Continuity.NONE, revision))
        .close();
  }

  @Override
  public void observe(MoePass pass) throws IOException {
    int layer = pass.layer();
    if (found.containsKey(layer)) {
      return;
    }
    List<TensorRole> roles =
        partsOf(layer).stream()
            .flatMap(part -> part.linears().stream())
            .filter(TensorRole::isExpert)
            .toList();
    ExpertCodes search = new ExpertCodes(finder, roles);
    resources
        .workers()
        .ordered(
            pass.experts(),
            expert -> search.find(pass, expert),
            (expert, codes) -> {
              requireFed(layer, expert, codes.tokens());
              if (codes.tokens() < how.method().hessians().minTokens()) {
                starved.add(expert);
              }
              codes.found().forEach(this::take);
            });
    if (how.options().others().isEmpty()) {
      finish(layer);
    }
  }

  @Override
  public Set<LinearSum> wantsLinears(int layer) {
    boolean wants = how.options().others().isPresent() && !found.containsKey(layer);
    return wants ? Set.of(LinearSum.PRODUCTS) : Set.of();
  }

  @Override
  public void observe(int layer, Map<LinearSum, Map<LinearInput, double[][]>> sums)
      throws IOException {
    Map<LinearInput, double[][]> products = sums.getOrDefault(LinearSum.PRODUCTS, Map.of());
    List<LinearInput> read = List.copyOf(products.keySet());
    resources
        .workers()
        .ordered(
            read.size(),
            index -> {
              LinearInput input = read.get(index);
              double[][] sum = Objects.requireNonNull(products.get(input));
              return finder.find(others(layer, input), input, sum[0]);
            },
            (index, codes) -> take(codes));
    finish(layer);
  }

  /// The quantised maps of a layer that are of no expert and read a vector.
  private List<TensorId> others(int layer, LinearInput input) {
    return partsOf(layer).stream()
        .flatMap(part -> part.linears().stream())
        .filter(role -> LinearInput.of(role).equals(Optional.of(input)))
        .map(role -> TensorId.ofLayer(role, layer))
        .toList();
  }

  private void take(CodeFinder.Found codes) {
    words.putAll(codes.words());
    raised.addAll(codes.raised());
    loss += codes.loss();
  }

  private void finish(int layer) throws IOException {
    List<Part> coded = partsOf(layer).stream().map(part -> withCodes(layer, part)).toList();
    found.put(
        layer,
        new LayerCodes(inputs, step(layer, coded), starved, raised, loss).write(file(layer)));
    words.clear();
    starved.clear();
    raised.clear();
    loss = 0;
  }

  private List<Part> partsOf(int layer) {
    return parts.getOrDefault(layer, List.of());
  }

  private Part part(TensorId id) {
    return partsOf(id.layer()).stream()
        .filter(part -> part.linears().contains(id.role()))
        .findFirst()
        .orElseThrow(() -> new IllegalStateException(id + " is not quantised"));
  }

  private Part withCodes(int layer, Part part) {
    List<PlanArray> arrays = new ArrayList<>();
    for (TensorRole role : part.linears()) {
      if (role.isExpert()) {
        for (int expert = 0; expert < question.model().layout().experts(layer); expert++) {
          arrays.add(array(new TensorId(role, layer, expert)));
        }
      } else {
        arrays.add(array(TensorId.ofLayer(role, layer)));
      }
    }
    return new Part(part.linears(), part.schemes(), arrays);
  }

  private PlanArray array(TensorId id) {
    int[] codes = Objects.requireNonNull(words.get(id), id::toString);
    String name = Checks.text("codes of %s", question.model().inventory().name(id));
    return PlanArray.ints(name, Shape.of(codes.length), () -> codes);
  }

  /// What stands for a layer while the search goes on, and in the plan but for the storage.
  private QuantizeWeights step(int layer, List<Part> of) {
    return new QuantizeWeights(layer, how.method().name(), QuantizedStorage.DECODED, of);
  }

  private void requireFed(int layer, int expert, long tokens) {
    if (how.method().hessians().starved() == StarvedCodes.FAIL
        && tokens < how.method().hessians().minTokens()) {
      throw new PlanMismatchException(
          "layer %d: expert %d: %d calibration tokens (expected at least %d). Calibrate on more texts,"
              + " or say \"starved: round-to-nearest\".",
          layer, expert, tokens, how.method().hessians().minTokens());
    }
  }

  private Optional<MoeModel> revised(int layer) {
    LayerCodes codes = found.get(layer);
    if (codes == null) {
      return Optional.empty();
    }
    MoeModel model = question.model();
    return Optional.of(
        MoeModel.of(
            new PlannedCheckpoint(
                model.checkpoint(),
                Lowering.lower(model, List.of(step(layer, codes.step().parts()))))));
  }
}
