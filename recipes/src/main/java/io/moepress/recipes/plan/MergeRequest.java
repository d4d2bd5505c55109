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
/// @param allocation how many experts are left
/// @param guarded experts that are never merged
/// @param options what holds for every method
public record MergeRequest(
    Supplier<MoeModel> weights,
    ModelLayout layout,
    Evidence evidence,
    Allocation allocation,
    SortedSet<ExpertId> guarded,
    MergeOptions options) {

  public MergeRequest {
    guarded = new TreeSet<>(guarded);
  }

  /// The model as it is, to read weights from.
  public MoeModel model() {
    return weights.get();
  }

  /// The same with other numbers of experts.
  public MergeRequest with(Allocation other) {
    return new MergeRequest(weights, layout, evidence, other, guarded, options);
  }

  /// The guarded experts of a layer, ascending.
  public SortedSet<Integer> guardedIn(int layer) {
    SortedSet<Integer> experts = new TreeSet<>();
    guarded.stream().filter(id -> id.layer() == layer).forEach(id -> experts.add(id.expert()));
    return experts;
  }
}
