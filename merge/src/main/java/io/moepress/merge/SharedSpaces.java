package io.moepress.merge;

import io.moepress.formats.architecture.ExpertMatrix.Projection;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeRule;
import io.moepress.recipes.plan.MergeRule.Subspace;
import io.moepress.recipes.plan.MergeRule.Subspace.Basis;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/// Limits the rank of what groups share, and finds out how much of them that leaves.
final class SharedSpaces {
  private SharedSpaces() {}

  /// The same step with shared subspaces.
  ///
  /// @param whitened whether their bases go into the plan: weights alone do not give them again
  static MergeExperts cut(MergeExperts step, GroupSpaces spaces, boolean whitened)
      throws IOException {
    double inside = 0;
    double total = 0;
    List<Basis> bases = new ArrayList<>();
    for (int group = 0; group < step.groups().size(); group++) {
      if (step.groups().get(group).members().size() > 1) {
        for (GroupSpaces.Shared shared : spaces.of(group).values()) {
          inside += shared.basis().energy();
          total += shared.total();
        }
        if (whitened) {
          bases.add(basis(spaces, group));
        }
      }
    }
    double energy = total == 0 ? 1 : Math.clamp(inside / total, 0, 1);
    int neurons = spaces.rank(Projection.GATE);
    Subspace subspace = new Subspace(neurons, neurons, spaces.rank(Projection.DOWN), energy, bases);
    MergeRule rule = new MergeRule(step.rule().neurons(), subspace);
    return new MergeExperts(
        step.layer(), step.method(), step.router(), step.groups(), rule, step.joins());
  }

  private static Basis basis(GroupSpaces spaces, int group) {
    return new Basis(
        group,
        spaces.basis(group, Projection.GATE),
        spaces.basis(group, Projection.UP),
        spaces.basis(group, Projection.DOWN));
  }
}
