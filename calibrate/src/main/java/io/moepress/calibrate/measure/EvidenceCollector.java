package io.moepress.calibrate.measure;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.forward.ExpertSum;
import io.moepress.calibrate.forward.HiddenStates;
import io.moepress.calibrate.forward.LinearSum;
import io.moepress.calibrate.forward.MoePass;
import io.moepress.calibrate.forward.MoePass.OutputSums;
import io.moepress.formats.Checks;
import io.moepress.formats.architecture.LinearInput;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Evidence.Sampling;
import io.moepress.recipes.evidence.EvidenceRequest;
import io.moepress.recipes.evidence.LargeParts;
import io.moepress.recipes.evidence.LayerKeeper;
import io.moepress.recipes.evidence.LinearStatistic;
import io.moepress.recipes.evidence.LinearSums;
import io.moepress.recipes.evidence.Reservoir;
import io.moepress.recipes.evidence.Statistic;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// Gathers each [Statistic] of a request while a forward pass goes by, and the reservoir: float32
/// values, float64 sums, tokens in the order of the corpus.
public final class EvidenceCollector implements MoePass.Observer {
  private final int[] domainOfToken;
  private final int domains;
  private final EvidenceRequest request;
  private final LayerKeeper keeper;
  private final int[] sampled;
  private final Map<Statistic, Source> sources = new EnumMap<>(Statistic.class);
  private final SortedMap<Integer, Evidence.Layer> layers = new TreeMap<>();
  private final SortedMap<Integer, LinearSums> linears = new TreeMap<>();

  /// Of the layer that is observed: several statistics come of one run of all experts.
  private @Nullable OutputSums reservoirOutputs;

  /// Of that layer: one run of the experts gives the errors of all widths.
  private @Nullable SortedMap<Integer, float[]> roundingErrors;

  /// Gathers for one corpus.
  ///
  /// @param request what to gather
  /// @param keeper where each layer goes
  public EvidenceCollector(Corpus corpus, EvidenceRequest request, LayerKeeper keeper) {
    this.domainOfToken = corpus.domainOfTokens();
    this.domains = corpus.domains().size();
    this.request = request;
    this.keeper = keeper;
    this.sampled = TokenSample.draw(corpus.tokens(), request.reservoirTokens(), request.seed());
    request.statistics().forEach(statistic -> sources.put(statistic, source(statistic)));
  }

  /// Where a statistic comes from.
  ///
  /// @param wants the sums it is made of
  /// @param gathering from a pass to `[domains][E]`, or `[E]` rows of a matrix
  private record Source(Set<ExpertSum> wants, Gathering gathering) {}

  private interface Gathering {
    double[][] gather(MoePass pass) throws IOException;
  }

  /// What one routed token adds.
  private interface SlotValue {
    double of(MoePass pass, int slot);
  }

  private Source source(Statistic statistic) {
    return switch (statistic) {
      case ROUTED_TOKENS -> slots(statistic, (pass, slot) -> 1);
      case GATE_SUM -> slots(statistic, EvidenceCollector::gate);
      case ROUTER_SCORE_SUM -> slots(statistic, (pass, slot) -> pass.routing().scores()[slot]);
      case OUTPUT_NORM_SUM -> slots(statistic, (pass, slot) -> power(pass, slot, 0, 1));
      case OUTPUT_SQUARE_SUM -> slots(statistic, (pass, slot) -> power(pass, slot, 0, 2));
      case GATED_OUTPUT_NORM_SUM -> slots(statistic, (pass, slot) -> power(pass, slot, 1, 1));
      case SQUARED_GATE_OUTPUT_NORM_SUM ->
          slots(statistic, (pass, slot) -> power(pass, slot, 2, 1));
      case GATED_OUTPUT_SQUARE_SUM -> slots(statistic, (pass, slot) -> power(pass, slot, 2, 2));
      case EASY_EP_SUM -> gathered(this::easyEp);
      case OUTPUT_MAXIMUM -> slots(statistic, (pass, slot) -> pass.outputMaxima()[slot]);
      case ROUTER_LOGIT_SUM -> gathered(pass -> RouterSums.logits(pass, domainOfToken, domains));
      case ROUNDING_ERROR_1,
          ROUNDING_ERROR_2,
          ROUNDING_ERROR_3,
          ROUNDING_ERROR_4,
          ROUNDING_ERROR_5,
          ROUNDING_ERROR_6,
          ROUNDING_ERROR_7,
          ROUNDING_ERROR_8 ->
          gathered(pass -> rounding(statistic, pass));
      case COACTIVATION -> gathered(RouterSums::coactivation);
      case ROUTER_LOGIT_GRAM -> gathered(RouterSums::logitGram);
      case OUTPUT_SUM -> summed(ExpertSum.OUTPUTS);
      case INPUT_SQUARE_SUM -> summed(ExpertSum.INPUT_SQUARES);
      case INTERMEDIATE_SQUARE_SUM -> summed(ExpertSum.INTERMEDIATE_SQUARES);
      case RESERVOIR_OUTPUT_SUM -> gathered(pass -> reservoirOutputs(pass).sums());
      case RESERVOIR_OUTPUT_COSINE_SUM -> gathered(pass -> reservoirOutputs(pass).cosines());
      case GATED_INPUT_SQUARE_SUM -> summed(ExpertSum.GATED_INPUT_SQUARES);
      case GATED_INTERMEDIATE_SQUARE_SUM -> summed(ExpertSum.GATED_INTERMEDIATE_SQUARES);
    };
  }

  private Source slots(Statistic statistic, SlotValue value) {
    return gathered(pass -> bySlot(statistic, pass, value));
  }

  private static Source gathered(Gathering gathering) {
    return new Source(Set.of(), gathering);
  }

  private static Source summed(ExpertSum sum) {
    return new Source(Set.of(sum), pass -> Objects.requireNonNull(pass.sums().get(sum)));
  }

  @Override
  public Set<ExpertSum> wants() {
    Set<ExpertSum> wants = EnumSet.noneOf(ExpertSum.class);
    sources.values().forEach(source -> wants.addAll(source.wants()));
    return wants;
  }

  private OutputSums reservoirOutputs(MoePass pass) throws IOException {
    OutputSums outputs = reservoirOutputs;
    if (outputs == null) {
      outputs = pass.outputs().over(sampled);
      reservoirOutputs = outputs;
    }
    return outputs;
  }

  /// What the experts' outputs lose when weights are rounded.
  private double[][] rounding(Statistic statistic, MoePass pass) throws IOException {
    SortedMap<Integer, float[]> errors = roundingErrors;
    if (errors == null) {
      SortedSet<Integer> widths = new TreeSet<>();
      request.statistics().forEach(wanted -> widths.add(wanted.roundedBits()));
      widths.remove(0);
      errors = pass.rounding().errors(widths);
      roundingErrors = errors;
    }
    float[] ofSlots = Objects.requireNonNull(errors.get(statistic.roundedBits()));
    return bySlot(
        statistic,
        pass,
        (seen, slot) -> {
          double change = gate(seen, slot) * ofSlots[slot];
          return change * change;
        });
  }

  @Override
  public void observe(MoePass pass) throws IOException {
    reservoirOutputs = null;
    roundingErrors = null;
    Map<Statistic, double[][]> values = new EnumMap<>(Statistic.class);
    Map<Statistic, double[][]> matrices = new EnumMap<>(Statistic.class);
    for (Map.Entry<Statistic, Source> entry : sources.entrySet()) {
      Statistic statistic = entry.getKey();
      double[][] gathered = entry.getValue().gathering().gather(pass);
      requireFinite(pass.layer(), statistic, gathered);
      (statistic.isMatrix() ? matrices : values).put(statistic, gathered);
    }
    LargeParts parts = new LargeParts.InMemory(matrices, reservoir(pass));
    Evidence.Layer measured = new Evidence.Layer(pass.experts(), values, parts);
    layers.put(pass.layer(), keeper.keep(pass.layer(), measured));
  }

  @Override
  public Set<LinearSum> wantsLinears(int layer) {
    Set<LinearSum> wants = EnumSet.noneOf(LinearSum.class);
    request.linears().forEach(statistic -> wants.add(sum(statistic)));
    return wants;
  }

  private static LinearSum sum(LinearStatistic statistic) {
    return switch (statistic) {
      case LINEAR_INPUT_SQUARE_SUM -> LinearSum.SQUARES;
    };
  }

  @Override
  public void observe(int layer, Map<LinearSum, Map<LinearInput, double[][]>> sums)
      throws IOException {
    Map<LinearStatistic, Map<LinearInput, double[][]>> gathered =
        new EnumMap<>(LinearStatistic.class);
    for (LinearStatistic statistic : request.linears()) {
      Map<LinearInput, double[][]> inputs = sums.getOrDefault(sum(statistic), Map.of());
      inputs.forEach(
          (input, rows) -> requireFinite(layer, statistic.label() + " of " + input.label(), rows));
      gathered.put(statistic, inputs);
    }
    linears.put(layer, keeper.keep(layer, new LinearSums.InMemory(gathered)));
  }

  /// What was gathered of the linear maps, by decoder layer.
  public SortedMap<Integer, LinearSums> linears() {
    return linears;
  }

  /// What was gathered, by decoder layer.
  public SortedMap<Integer, Evidence.Layer> layers() {
    return layers;
  }

  /// Evidence with what was gathered so far in the place of its layers.
  Evidence filled(Evidence empty) {
    return new Evidence(
        empty.checkpoint(),
        empty.maxTokens(),
        empty.domains(),
        layers,
        empty.sampling(),
        linears,
        empty.propagation());
  }

  /// Takes over what an earlier pass gathered of its layers.
  void restore(Evidence gathered) {
    layers.putAll(gathered.layers());
    linears.putAll(gathered.linears());
  }

  /// How the reservoir was drawn; null without one.
  public @Nullable Sampling sampling() {
    return sampled.length == 0 ? null : new Sampling(sampled.length, request.seed());
  }

  private static void requireFinite(int layer, Statistic statistic, double[][] rows) {
    for (int row = 0; row < rows.length; row++) {
      for (int column = 0; column < rows[row].length; column++) {
        Checks.requireFormat(
            Double.isFinite(rows[row][column]),
            "layer %d: expert %d: %s is %s (expected a finite number). The model overflows on these"
                + " texts.",
            layer,
            statistic.isMatrix() ? row : column,
            statistic.label(),
            rows[row][column]);
      }
    }
  }

  private static void requireFinite(int layer, String name, double[][] rows) {
    for (double[] row : rows) {
      for (double value : row) {
        Checks.requireFormat(
            Double.isFinite(value),
            "layer %d: %s is %s (expected a finite number). The model overflows on these texts.",
            layer,
            name,
            value);
      }
    }
  }

  private double[][] bySlot(Statistic statistic, MoePass pass, SlotValue value) {
    double[][] values = new double[domains][pass.experts()];
    int topK = pass.routing().topK();
    for (int slot = 0; slot < pass.routing().experts().length; slot++) {
      double[] row = values[domainOfToken[slot / topK]];
      int expert = pass.routing().experts()[slot];
      row[expert] = statistic.combination().of(row[expert], value.of(pass, slot));
    }
    return values;
  }

  private static double gate(MoePass pass, int slot) {
    return pass.routing().weights()[slot];
  }

  /// `g^gates · ‖f‖^norms`, multiplied out.
  private static double power(MoePass pass, int slot, int gates, int norms) {
    double value = 1;
    for (int i = 0; i < gates; i++) {
      value *= gate(pass, slot);
    }
    for (int i = 0; i < norms; i++) {
      value *= pass.outputNorms()[slot];
    }
    return value;
  }

  private double[][] easyEp(MoePass pass) {
    double[] novelty = Novelty.of(pass.residual(), pass.routedOutput()); // [tokens]
    int topK = pass.routing().topK();
    return bySlot(
        Statistic.EASY_EP_SUM,
        pass,
        (seen, slot) -> power(seen, slot, 1, 1) * novelty[slot / topK]);
  }

  private @Nullable Reservoir reservoir(MoePass pass) {
    if (sampled.length == 0) {
      return null;
    }
    HiddenStates inputs = pass.inputs();
    int width = inputs.width();
    int topK = pass.routing().topK();
    Reservoir reservoir =
        new Reservoir(
            topK,
            sampled,
            new int[sampled.length],
            new float[Math.multiplyExact(sampled.length, width)],
            new int[Math.multiplyExact(sampled.length, topK)],
            new float[Math.multiplyExact(sampled.length, topK)]);
    for (int row = 0; row < sampled.length; row++) {
      int token = sampled[row];
      reservoir.domains()[row] = domainOfToken[token];
      MemorySegment.copy(inputs.row(token), JAVA_FLOAT, 0, reservoir.inputs(), row * width, width);
      System.arraycopy(
          pass.routing().experts(), token * topK, reservoir.experts(), row * topK, topK);
      System.arraycopy(
          pass.routing().weights(), token * topK, reservoir.weights(), row * topK, topK);
    }
    for (float value : reservoir.inputs()) {
      Checks.requireFormat(
          Float.isFinite(value),
          "layer %d: the input of the experts is %s (expected finite numbers). The model overflows"
              + " on these texts.",
          pass.layer(),
          value);
    }
    return reservoir;
  }
}
