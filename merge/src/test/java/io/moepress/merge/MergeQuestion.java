package io.moepress.merge;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Evidence.Sampling;
import io.moepress.recipes.evidence.LargeParts;
import io.moepress.recipes.evidence.Reservoir;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.Alignment;
import io.moepress.recipes.plan.Allocation;
import io.moepress.recipes.plan.Allocation.EachLayer;
import io.moepress.recipes.plan.ExpertId;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeMethod;
import io.moepress.recipes.plan.MergeOptions;
import io.moepress.recipes.plan.MergeRequest;
import io.moepress.recipes.plan.MergeRouter;
import java.io.IOException;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// What a merging method is asked about one layer, written down by hand.
final class MergeQuestion {
  /// How many tokens the sums over the reservoir are of.
  static final int TOKENS = 4;

  private final ModelLayout layout;
  private final Map<Statistic, double[][]> values = new EnumMap<>(Statistic.class);
  private final Map<Statistic, double[][]> matrices = new EnumMap<>(Statistic.class);
  private final SortedSet<ExpertId> guarded = new TreeSet<>();
  private @Nullable Reservoir reservoir;
  private MergeOptions options = MergeOptions.DEFAULT;
  private Supplier<MoeModel> weights =
      () -> {
        throw new AssertionError("nothing here needs weights");
      };

  MergeQuestion(ModelLayout layout) {
    this.layout = layout;
    routed(new double[layout.experts()]);
  }

  @CanIgnoreReturnValue
  MergeQuestion routed(double... counts) {
    values.put(Statistic.ROUTED_TOKENS, new double[][] {counts});
    return this;
  }

  @CanIgnoreReturnValue
  MergeQuestion meanOutputs(double[]... means) {
    matrices.put(Statistic.RESERVOIR_OUTPUT_SUM, times(means));
    return this;
  }

  @CanIgnoreReturnValue
  MergeQuestion meanCosines(double[]... means) {
    matrices.put(Statistic.RESERVOIR_OUTPUT_COSINE_SUM, times(means));
    return this;
  }

  private static double[][] times(double[][] means) {
    double[][] sums = new double[means.length][means[0].length];
    for (int row = 0; row < sums.length; row++) {
      for (int i = 0; i < sums[row].length; i++) {
        sums[row][i] = TOKENS * means[row][i];
      }
    }
    return sums;
  }

  @CanIgnoreReturnValue
  MergeQuestion with(Statistic statistic, double[][] matrix) {
    matrices.put(statistic, matrix);
    return this;
  }

  @CanIgnoreReturnValue
  MergeQuestion guard(int... experts) {
    for (int expert : experts) {
      guarded.add(new ExpertId(0, expert));
    }
    return this;
  }

  @CanIgnoreReturnValue
  MergeQuestion options(Alignment align, MergeRouter router) {
    options = new MergeOptions(align, router);
    return this;
  }

  @CanIgnoreReturnValue
  MergeQuestion model(MoeModel model) {
    weights = () -> model;
    return this;
  }

  @CanIgnoreReturnValue
  MergeQuestion inputs(float[] inputs) {
    return inputs(inputs, 1);
  }

  /// Inputs of which the first goes to expert 0, the second to expert 1, and so on in turn.
  @CanIgnoreReturnValue
  MergeQuestion inputs(float[] inputs, int experts) {
    int rows = inputs.length / layout.dimension(Dimension.HIDDEN);
    int[] chosen = IntStream.range(0, rows).map(row -> row % experts).toArray();
    reservoir = new Reservoir(1, new int[rows], new int[rows], inputs, chosen, new float[rows]);
    return this;
  }

  /// What a method decides about layer 0 when `left` experts are to be left.
  MergeExperts ask(MergeMethod method, int left) throws IOException {
    Evidence.Layer layer =
        new Evidence.Layer(layout.experts(), values, new LargeParts.InMemory(matrices, reservoir));
    SortedMap<Integer, Evidence.Layer> layers = new TreeMap<>(Map.of(0, layer));
    List<Evidence.Domain> domains = List.of(new Evidence.Domain("math", "sha256:0", 1, TOKENS));
    Evidence evidence =
        new Evidence("sha256:model", 512, domains, layers, new Sampling(TOKENS, 1L));
    Allocation allocation = new EachLayer(new TreeMap<>(Map.of(0, left)));
    return method
        .plan(new MergeRequest(weights, layout, evidence, allocation, guarded, options))
        .getFirst();
  }
}
