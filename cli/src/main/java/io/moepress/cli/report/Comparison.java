package io.moepress.cli.report;

import io.moepress.recipes.evaluation.Evaluation;
import io.moepress.recipes.plan.Plan;
import java.util.List;

/// Everything that was evaluated.
///
/// @param before the original
/// @param after the result
/// @param baselines other methods at the same budget, which are not written
public record Comparison(Candidate before, Candidate after, List<Candidate> baselines) {
  public Comparison {
    baselines = List.copyOf(baselines);
  }

  /// The same, with the size of what was written.
  public Comparison withSize(Plan.Size size) {
    return new Comparison(before, new Candidate(after.name(), size, after.evaluation()), baselines);
  }

  /// A model, evaluated.
  ///
  /// @param name the method
  /// @param size what is left
  /// @param evaluation how good it is, compared with the original
  public record Candidate(String name, Plan.Size size, Evaluation evaluation) {}
}
