package io.moepress.cli;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.moepress.recipes.evaluation.Evaluation;
import io.moepress.recipes.plan.Plan;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// What `moepress compare` found. Its JSON form is stable: programs read it.
///
/// @param formatVersion version of this document's format, 1
/// @param tool name and version of the program
/// @param model the checkpoint, as given
/// @param checkpoint its fingerprint
/// @param target label of the runtime whose rules held
/// @param calibration names of the texts the candidates were calibrated on
/// @param calibrationSeconds time of the measurement that all candidates share; in the run that did
///   it; 0 when there was none
/// @param names what to call the files that were evaluated, by file
/// @param original the model as it is
/// @param candidates in the order of the recipe, drawn lots last
record ComparisonReport(
    int formatVersion,
    String tool,
    String model,
    String checkpoint,
    String target,
    List<String> calibration,
    double calibrationSeconds,
    SortedMap<String, String> names,
    Outcome original,
    List<Outcome> candidates) {
  static final int FORMAT_VERSION = 1;

  ComparisonReport {
    calibration = List.copyOf(calibration);
    names = Collections.unmodifiableSortedMap(new TreeMap<>(names));
    candidates = List.copyOf(candidates);
  }

  /// What to call a file that was evaluated.
  String name(String file) {
    return names.getOrDefault(file, file);
  }

  /// What became of a candidate at one budget.
  ///
  /// @param name what it is called
  /// @param setting which of the comparison's budgets it was given; empty when none
  /// @param budget of its steps; empty when none
  /// @param draw tells drawings of lots apart; empty for what is not drawn
  /// @param failure why there is no evaluation; null: there is one
  /// @param plan digest of its plan
  /// @param size what is left
  /// @param planSeconds time to decide, with measurements that only it needed
  /// @param evaluationSeconds time to evaluate
  @JsonInclude(JsonInclude.Include.NON_NULL)
  record Outcome(
      String name,
      String setting,
      String budget,
      String draw,
      @Nullable String failure,
      @Nullable String plan,
      Plan.@Nullable Size size,
      double planSeconds,
      double evaluationSeconds,
      @Nullable Evaluation evaluation) {

    /// Everything that tells it apart, on one line.
    String title() {
      return name + (budget.isEmpty() ? "" : " at " + budget) + (draw.isEmpty() ? "" : ", " + draw);
    }
  }
}
