package io.moepress.recipes.planning;

import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.recipes.target.Finding;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Plans one kind of step.
sealed interface StepPlanning
    permits PrunePlanning, MergePlanning, SparsifyPlanning, QuantizePlanning {

  /// Checks all that can be checked without evidence, before any is measured.
  ///
  /// @return what the target has to say of numbers of experts that it takes
  /// @throws io.moepress.recipes.plan.PlanMismatchException when the step cannot be done
  List<Finding> preflight();

  /// What has to have been done to each layer before those behind it were measured; null: nothing.
  default @Nullable String propagation() throws IOException {
    return null;
  }

  /// Decides.
  ///
  /// @param evidence layers without statistics when there was no calibration
  /// @throws io.moepress.recipes.plan.PlanMismatchException when model or target do not take it
  List<PlanStep> decide(Evidence evidence) throws IOException;
}
