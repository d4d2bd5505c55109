package io.moepress.cli.report;

import io.moepress.recipes.evaluation.GateCheck.Outcome;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.verify.Verifier.Check;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What a run has made: `result.json` in its work directory, and what `run --json` prints.
///
/// @param output the directory of the checkpoint
/// @param plan digest of the plan
/// @param before size of the source
/// @param after size of the output
/// @param verification what was checked of the output
/// @param evaluation how good it is; null where the recipe does not ask, or the output is unsound
/// @param gates what the recipe demands, and what was found
/// @param passed whether the output is sound and every gate is met
public record RunResult(
    String output,
    String plan,
    Plan.Size before,
    Plan.Size after,
    List<Check> verification,
    @Nullable Comparison evaluation,
    List<Outcome> gates,
    boolean passed) {
  public static final String FILE = "result.json";

  public RunResult {
    verification = List.copyOf(verification);
    gates = List.copyOf(gates);
  }
}
