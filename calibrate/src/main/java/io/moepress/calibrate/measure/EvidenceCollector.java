package io.moepress.calibrate.measure;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.forward.HiddenStates;
import io.moepress.calibrate.forward.MoePass;
import io.moepress.formats.Checks;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/// Gathers every [Statistic] while a forward pass goes by: float32 values, float64 sums, tokens in
/// the order of the corpus.
public final class EvidenceCollector implements MoePass.Observer {
  private final int[] domainOfToken;
  private final int domains;
  private final SortedMap<Integer, Evidence.Layer> layers = new TreeMap<>();

  /// Gathers for one corpus.
  public EvidenceCollector(Corpus corpus) {
    this.domainOfToken = corpus.domainOfTokens();
    this.domains = corpus.domains().size();
  }

  @Override
  public void observe(MoePass pass) {
    double[] novelty = novelty(pass.residual(), pass.routedOutput());
    Map<Statistic, double[][]> values = new EnumMap<>(Statistic.class);
    for (Statistic statistic : Statistic.values()) {
      double[][] gathered = gather(statistic, pass, novelty);
      requireFinite(pass.layer(), statistic, gathered);
      values.put(statistic, gathered);
    }
    layers.put(pass.layer(), new Evidence.Layer(pass.experts(), values));
  }

  /// What was gathered, by decoder layer.
  public SortedMap<Integer, Evidence.Layer> layers() {
    return layers;
  }

  /// Takes over what an earlier pass gathered of its layers.
  void restore(SortedMap<Integer, Evidence.Layer> gathered) {
    layers.putAll(gathered);
  }

  private static void requireFinite(int layer, Statistic statistic, double[][] values) {
    for (double[] domain : values) {
      for (int expert = 0; expert < domain.length; expert++) {
        Checks.requireFormat(
            Double.isFinite(domain[expert]),
            "layer %d: expert %d: %s is %s (expected a finite number). The model overflows on these"
                + " texts.",
            layer,
            expert,
            statistic.label(),
            domain[expert]);
      }
    }
  }

  private double[][] gather(Statistic statistic, MoePass pass, double[] novelty) {
    double[][] values = new double[domains][pass.experts()];
    int topK = pass.routing().topK();
    for (int slot = 0; slot < pass.routing().experts().length; slot++) {
      int token = slot / topK;
      double value = value(statistic, pass, slot, novelty[token]);
      double[] row = values[domainOfToken[token]];
      int expert = pass.routing().experts()[slot];
      row[expert] = statistic.combination().of(row[expert], value);
    }
    return values;
  }

  /// What one routed token adds.
  private static double value(Statistic statistic, MoePass pass, int slot, double novelty) {
    double gate = pass.routing().weights()[slot];
    double norm = pass.outputNorms()[slot];
    return switch (statistic) {
      case ROUTED_TOKENS -> 1;
      case GATE_SUM -> gate;
      case OUTPUT_NORM_SUM -> norm;
      case GATED_OUTPUT_NORM_SUM -> gate * norm;
      case EASY_EP_SUM -> gate * norm * novelty;
      case OUTPUT_MAXIMUM -> pass.outputMaxima()[slot];
    };
  }

  /// How much the routed experts turn each token, `max(0, 1 − cos(h, h + y))`. The difference from
  /// 1 is small, hence float64 throughout.
  private static double[] novelty(HiddenStates residual, HiddenStates output) {
    double[] novelty = new double[Math.toIntExact(residual.tokens())];
    for (int token = 0; token < novelty.length; token++) {
      novelty[token] = Math.max(0, 1 - cosine(residual.row(token), output.row(token)));
    }
    return novelty;
  }

  private static double cosine(MemorySegment before, MemorySegment change) {
    double product = 0;
    double squaresBefore = 0;
    double squaresAfter = 0;
    for (long i = 0; i < before.byteSize() / Float.BYTES; i++) {
      double h = before.getAtIndex(JAVA_FLOAT, i);
      double after = h + change.getAtIndex(JAVA_FLOAT, i);
      product += h * after;
      squaresBefore += h * h;
      squaresAfter += after * after;
    }
    double norms = Math.sqrt(squaresBefore) * Math.sqrt(squaresAfter);
    return norms == 0 ? 0 : product / norms;
  }
}
