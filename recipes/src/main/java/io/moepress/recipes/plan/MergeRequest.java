package io.moepress.recipes.plan;

import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.recipes.evidence.Evidence;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Supplier;

/// What a merging method is asked.
///
/// @param weights the weights, read only; asked for by methods that look at them and by no other
/// @param layout the model, routed as the result will be, with all experts still there
/// @param evidence what calibration saw
/// @param budget how many experts are left
/// @param guarded experts that are never merged
/// @param options what holds for every method
public record MergeRequest(
    Supplier<MoeModel> weights,
    ModelLayout layout,
    Evidence evidence,
    Budget.OfLayer budget,
    SortedSet<ExpertId> guarded,
    MergeOptions options) {

  public MergeRequest {
    guarded = new TreeSet<>(guarded);
  }

  /// The model as it is, to read weights from.
  public MoeModel model() {
    return weights.get();
  }

  /// How many experts are left in a layer.
  public int left(int layer) {
    return budget.kept(layout.experts(layer));
  }

  /// The guarded experts of a layer, ascending.
  public SortedSet<Integer> guardedIn(int layer) {
    SortedSet<Integer> experts = new TreeSet<>();
    guarded.stream().filter(id -> id.layer() == layer).forEach(id -> experts.add(id.expert()));
    return experts;
  }
}
