package io.moepress.merge;

import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.ExpertMatrix;
import io.moepress.formats.architecture.ExpertMatrix.Projection;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.recipes.linear.LinearAlgebra;
import io.moepress.recipes.linear.MatrixMerger;
import io.moepress.recipes.plan.KeepRatio;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeExperts.Group;
import io.moepress.recipes.plan.MergeRule;
import io.moepress.recipes.plan.MergeRule.Subspace;
import io.moepress.recipes.plan.PlanArray;
import java.io.IOException;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Limits the rank of what groups share, and finds out how much of them that leaves.
final class SharedSpaces {
  private SharedSpaces() {}

  /// The same step with a shared subspace.
  ///
  /// @param rank share of the rows of each matrix
  static MergeExperts cut(MergeExperts step, KeepRatio rank, MoeModel model) throws IOException {
    ModelLayout layout = model.layout();
    int neurons = rank.kept(layout.dimension(Dimension.EXPERT_WIDTH));
    int hidden = rank.kept(layout.dimension(Dimension.HIDDEN));
    Subspace unmeasured = new Subspace(neurons, neurons, hidden, 0);
    double inside = 0;
    double total = 0;
    for (Group group : step.groups()) {
      if (group.members().size() > 1) {
        for (MatrixMerger merger : merged(step, group, unmeasured, model).values()) {
          inside += merger.energy();
          total += merger.total();
        }
      }
    }
    double energy = total == 0 ? 1 : Math.min(1, inside / total);
    MergeRule rule =
        new MergeRule(step.rule().neurons(), new Subspace(neurons, neurons, hidden, energy));
    return new MergeExperts(
        step.layer(), step.method(), step.router(), step.groups(), rule, step.joins());
  }

  private static Map<Projection, MatrixMerger> merged(
      MergeExperts step, Group group, Subspace ranks, MoeModel model) throws IOException {
    Map<Projection, MatrixMerger> mergers = new EnumMap<>(Projection.class);
    PlanArray array = step.rule().neurons();
    int[] neurons = array == null ? null : array.ints();
    for (int i = 0; i < group.members().size(); i++) {
      int member = group.members().get(i);
      ExpertWeights weights = ExpertWeights.read(model, step.layer(), member);
      int[] places = places(neurons, member, weights.width());
      for (Projection projection : Projection.values()) {
        MatrixMerger merger =
            mergers.computeIfAbsent(projection, which -> merger(which, weights, ranks.rank(which)));
        merger.add(weights.get(projection), group.weights().get(i), places);
      }
    }
    return mergers;
  }

  private static MatrixMerger merger(Projection projection, ExpertWeights like, int rank) {
    int rows = projection.hasNeuronsAsRows() ? like.width() : like.hidden();
    int columns = projection.hasNeuronsAsRows() ? like.hidden() : like.width();
    ExpertMatrix shape = new ExpertMatrix(projection, rows, columns, 0, columns, 1);
    return new MatrixMerger(shape, rank, LinearAlgebra.best());
  }

  private static int @Nullable [] places(int @Nullable [] neurons, int member, int width) {
    return neurons == null
        ? null
        : Arrays.copyOfRange(neurons, member * width, (member + 1) * width);
  }
}
