package io.moepress.recipes.planning;

import io.moepress.recipes.evidence.EvidenceRequest;
import io.moepress.recipes.evidence.LinearStatistic;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.recipe.CalibrationSpec;
import io.moepress.recipes.recipe.EvaluationSpec;
import io.moepress.recipes.recipe.Recipe;
import io.moepress.recipes.recipe.RecipeStep;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/// What evidence a recipe needs: what its methods and baselines ask for, output maxima where super
/// experts are protected, and always the number of routed tokens, so that starved experts are
/// noticed.
public final class EvidenceNeeds {
  private EvidenceNeeds() {}

  /// The needs of a recipe. The reservoir is as large as the recipe says; if it does not say, and a
  /// method needs one, [EvidenceRequest#DEFAULT_RESERVOIR_TOKENS].
  public static EvidenceRequest of(Recipe recipe) {
    EnumSet<Statistic> needed = EnumSet.of(Statistic.ROUTED_TOKENS);
    Set<LinearStatistic> linears = EnumSet.noneOf(LinearStatistic.class);
    boolean needsReservoir = false;
    for (RecipeStep step : recipe.steps()) {
      needed.addAll(step.uses());
      linears.addAll(step.linears());
      needsReservoir |= step.needsReservoir();
    }
    List<PruneMethod> baselines =
        recipe.evaluation().map(EvaluationSpec::baselines).orElse(List.of());
    for (PruneMethod baseline : baselines) {
      needed.addAll(baseline.needs());
      needsReservoir |= baseline.needsReservoir();
    }
    int tokens = recipe.calibration().map(CalibrationSpec::reservoirTokens).orElse(0);
    if (tokens == 0 && needsReservoir) {
      tokens = EvidenceRequest.DEFAULT_RESERVOIR_TOKENS;
    }
    return new EvidenceRequest(needed, tokens, recipe.seed(), linears);
  }

  /// The needs of one step alone.
  public static EvidenceRequest of(RecipeStep step) {
    return EvidenceRequest.of(step.uses()).andLinears(step.linears());
  }
}
