package io.moepress.recipes.plan;

import io.moepress.formats.Checks;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// The experts that no method may drop.
///
/// @param superExperts whether the experts with extreme output maxima are protected
/// @param experts protected whatever their scores say; none twice
public record Protection(boolean superExperts, List<ExpertId> experts) {
  /// What a recipe gets that says nothing: the super experts.
  public static final Protection DEFAULT = new Protection(true, List.of());

  public Protection {
    experts = List.copyOf(experts);
    Set<ExpertId> seen = new HashSet<>();
    for (ExpertId expert : experts) {
      Checks.require(seen.add(expert), "expert %s is listed twice. Remove one of them", expert);
    }
  }
}
