package io.moepress.recipes.recipe;

import io.moepress.formats.Checks;
import io.moepress.recipes.plan.PruneMethod;
import java.util.List;

/// How the result is judged.
///
/// @param data at least one file
/// @param maxTokens where a text is cut, at least 1
/// @param baselines judged beside the result at the same budget; nothing of them is written
/// @param gates what the result has to reach
public record EvaluationSpec(
    List<DataSource> data, int maxTokens, List<PruneMethod> baselines, Gates gates) {

  public EvaluationSpec {
    data = List.copyOf(data);
    baselines = List.copyOf(baselines);
    Checks.require(!data.isEmpty(), "data: no file (expected at least one)");
    Checks.require(maxTokens > 0, "max-tokens: %d (expected at least 1)", maxTokens);
  }
}
