package io.moepress.recipes.plan;

import io.moepress.formats.architecture.ModelLayout;
import io.moepress.recipes.evidence.Evidence;
import java.util.SortedSet;
import java.util.TreeSet;

/// What a pruning method is asked.
///
/// @param layout the model, routed as the result will be, with all experts still there
/// @param evidence what calibration saw; layers without statistics when there was no calibration
/// @param budget how many experts stay
/// @param guarded experts that stay whatever their scores say
/// @param router what becomes of router rows
public record PruneRequest(
    ModelLayout layout,
    Evidence evidence,
    Budget budget,
    SortedSet<ExpertId> guarded,
    RouterMode router) {

  public PruneRequest {
    guarded = new TreeSet<>(guarded);
  }

  /// How many experts stay in each layer.
  public int kept() {
    return budget.kept(layout.experts());
  }

  /// The guarded experts of a layer, ascending.
  public SortedSet<Integer> guardedIn(int layer) {
    SortedSet<Integer> experts = new TreeSet<>();
    guarded.stream().filter(id -> id.layer() == layer).forEach(id -> experts.add(id.expert()));
    return experts;
  }
}
