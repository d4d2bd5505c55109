package io.moepress.recipes.planning;

import io.moepress.recipes.evidence.EvidenceRequest;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.recipe.CalibrationSpec;
import io.moepress.recipes.recipe.PruneStep;
import io.moepress.recipes.recipe.Recipe;
import io.moepress.recipes.recipe.RecipeStep;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;

/// What evidence a recipe needs: what its methods and baselines ask for, output maxima where super
/// experts are protected, and always the number of routed tokens, so that starved experts are
/// noticed.
public final class EvidenceNeeds {
  private EvidenceNeeds() {}

  /// The needs of a recipe. The reservoir is as large as the recipe says; if it does not say, and a
  /// method needs one, [EvidenceRequest#DEFAULT_RESERVOIR_TOKENS].
  public static EvidenceRequest of(Recipe recipe) {
    EnumSet<Statistic> needed = EnumSet.of(Statistic.ROUTED_TOKENS);
    List<PruneMethod> methods = new ArrayList<>();
    for (RecipeStep step : recipe.steps()) {
      switch (step) {
        case PruneStep prune -> {
          methods.add(prune.method());
          if (prune.protection().superExperts()) {
            needed.add(Statistic.OUTPUT_MAXIMUM);
          }
        }
      }
    }
    recipe.evaluation().ifPresent(spec -> methods.addAll(spec.baselines()));
    methods.forEach(method -> needed.addAll(method.needs()));
    int tokens = recipe.calibration().map(CalibrationSpec::reservoirTokens).orElse(0);
    boolean needsReservoir = methods.stream().anyMatch(PruneMethod::needsReservoir);
    if (tokens == 0 && needsReservoir) {
      tokens = EvidenceRequest.DEFAULT_RESERVOIR_TOKENS;
    }
    return new EvidenceRequest(needed, tokens, recipe.seed());
  }
}
