package io.moepress.calibrate.measure;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.forward.Continuity;
import io.moepress.calibrate.forward.ForwardPass;
import io.moepress.calibrate.forward.LayerRevision;
import io.moepress.calibrate.forward.MoePass;
import io.moepress.calibrate.forward.PassHooks;
import io.moepress.calibrate.forward.PassMemory;
import io.moepress.calibrate.forward.PassResources;
import io.moepress.formats.Checks;
import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.recipes.ToolVersion;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.CalibratedQuantization;
import io.moepress.recipes.plan.LayerCodes;
import io.moepress.recipes.plan.LayerCodes.Raised;
import io.moepress.recipes.plan.PlanArray;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.QuantizeOptions;
import io.moepress.recipes.plan.QuantizeWeights;
import io.moepress.recipes.plan.QuantizeWeights.Part;
import io.moepress.recipes.plan.QuantizedStorage;
import io.moepress.recipes.plan.StarvedCodes;
import io.moepress.recipes.planning.QuantizedParts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/// Finds the codes of routed experts from what they read: one forward pass over a corpus. The codes
/// of each layer go to a file as soon as they are found; a search that was stopped goes through the
/// layers that have theirs without looking for them again.
///
/// Each expert is a job that runs it once more on its tokens, adds up the products of what its maps
/// read, and finds its codes. So no more sums are in memory at a time than there are jobs.
///
/// @param method finds codes
/// @param options which weights, and what their codes are
public record CodeSearch(CalibratedQuantization method, QuantizeOptions options) {
  private static final String TITLE = "quantising";

  /// Arrays as large as the largest sum that are alive while a matrix is worked on.
  private static final int SUMS = 3;

  /// Arrays of doubles as large as a matrix, likewise.
  private static final int MATRICES = 4;

  /// What codes are sought of.
  ///
  /// @param fingerprint of the model
  /// @param corpus the texts
  /// @param maxTokens where they were cut
  public record Question(MoeModel model, String fingerprint, Corpus corpus, int maxTokens) {}

  /// A digest of everything the codes depend on.
  public String inputs(Question question) {
    return Fingerprint.ofText(
        ToolVersion.text()
            + question.fingerprint()
            + question.corpus().digest()
            + question.maxTokens()
            + method
            + options.experts()
            + options.others());
  }

  /// What a search needs of memory.
  public PassMemory memory(MoeModel model, Corpus corpus) {
    ModelLayout layout = model.layout();
    long hidden = layout.dimension(Dimension.HIDDEN);
    long width = layout.dimension(Dimension.EXPERT_WIDTH);
    long largest = Math.max(hidden, width);
    long sums = hidden * hidden + width * width + SUMS * largest * largest;
    long codes =
        Math.max(
            options.experts().storedBits(width, hidden, DType.F32),
            options.experts().storedBits(hidden, width, DType.F32));
    PassMemory pass =
        PassMemory.of(model, corpus)
            .withJobs(Double.BYTES * (sums + MATRICES * hidden * width))
            .with(2L * 3 * layout.experts() * codes / Byte.SIZE);
    return method.hessians().sequential() ? pass.revising() : pass;
  }

  /// Searches.
  ///
  /// @param directory where the codes are kept
  /// @return those of the layers with experts
  public SortedMap<Integer, LayerCodes> search(
      Question question, PassResources resources, Path directory) throws IOException {
    Search search = new Search(this, question, resources, directory, new TreeMap<>());
    search.requireFitting();
    Files.createDirectories(directory);
    search.findKept();
    if (!search.isFinished()) {
      search.run();
    }
    return search.found();
  }

  /// A search under way.
  ///
  /// @param found the codes so far
  private record Search(
      CodeSearch how,
      Question question,
      PassResources resources,
      Path directory,
      SortedMap<Integer, LayerCodes> found)
      implements MoePass.Observer {

    /// What cannot be quantised is said before time is spent on it.
    void requireFitting() {
      List<QuantizeWeights> steps = new ArrayList<>();
      for (int layer : question.model().layout().moeLayers()) {
        steps.add(step(layer, parts(layer)));
      }
      Lowering.lower(question.model(), steps);
    }

    void findKept() throws IOException {
      for (int layer : question.model().layout().moeLayers()) {
        LayerCodes.find(file(layer), how.inputs(question))
            .ifPresent(codes -> found.put(layer, codes));
      }
    }

    private Path file(int layer) {
      return directory.resolve(Checks.text("layer-%03d.json", layer));
    }

    boolean isFinished() {
      return found.keySet().containsAll(question.model().layout().moeLayers());
    }

    void run() throws IOException {
      LayerRevision revision = how.method.hessians().sequential() ? this::revised : null;
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
      List<Part> parts = new ArrayList<>(parts(layer));
      Part experts = parts.getFirst();
      ExpertCodes search = new ExpertCodes(question.model(), how.method, experts);
      List<ExpertCodes.Found> all = new ArrayList<>();
      resources
          .workers()
          .ordered(
              pass.experts(),
              expert -> search.find(pass, expert),
              (expert, codes) -> {
                requireFed(layer, expert, codes.tokens());
                all.add(codes);
              });
      parts.set(0, new Part(experts.linears(), experts.schemes(), arrays(layer, experts, all)));
      found.put(layer, codes(step(layer, parts), all).write(file(layer)));
    }

    private LayerCodes codes(QuantizeWeights step, List<ExpertCodes.Found> all) {
      List<Integer> starved = new ArrayList<>();
      List<Raised> raised = new ArrayList<>();
      double loss = 0;
      for (int expert = 0; expert < all.size(); expert++) {
        if (all.get(expert).tokens() < how.method.hessians().minTokens()) {
          starved.add(expert);
        }
        raised.addAll(all.get(expert).raised());
        loss += all.get(expert).loss();
      }
      return new LayerCodes(how.inputs(question), step, starved, raised, loss);
    }

    private List<Part> parts(int layer) {
      return new QuantizedParts(question.model(), how.options).of(layer);
    }

    /// What stands for a layer while the search goes on, and in the plan but for the storage.
    private QuantizeWeights step(int layer, List<Part> parts) {
      return new QuantizeWeights(layer, how.method.name(), QuantizedStorage.DECODED, parts);
    }

    private static List<PlanArray> arrays(int layer, Part part, List<ExpertCodes.Found> all) {
      List<PlanArray> arrays = new ArrayList<>();
      for (TensorRole role : part.linears()) {
        for (int expert = 0; expert < all.size(); expert++) {
          int[] words = Objects.requireNonNull(all.get(expert).words().get(role));
          String name = Checks.text("layer %d: expert %d: codes of %s", layer, expert, role);
          arrays.add(PlanArray.ints(name, Shape.of(words.length), () -> words));
        }
      }
      return arrays;
    }

    private void requireFed(int layer, int expert, long tokens) {
      if (how.method.hessians().starved() == StarvedCodes.FAIL
          && tokens < how.method.hessians().minTokens()) {
        throw new PlanMismatchException(
            "layer %d: expert %d: %d calibration tokens (expected at least %d). Calibrate on more texts,"
                + " or say \"starved: round-to-nearest\".",
            layer, expert, tokens, how.method.hessians().minTokens());
      }
    }

    private Optional<MoeModel> revised(int layer) {
      LayerCodes codes = found.get(layer);
      List<Part> parts = codes == null ? parts(layer) : codes.step().parts();
      if (parts.isEmpty()) {
        return Optional.empty();
      }
      MoeModel model = question.model();
      return Optional.of(
          MoeModel.of(
              new PlannedCheckpoint(
                  model.checkpoint(), Lowering.lower(model, List.of(step(layer, parts))))));
    }
  }
}
