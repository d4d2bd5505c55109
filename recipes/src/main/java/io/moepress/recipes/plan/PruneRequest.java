package io.moepress.recipes.plan;

import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.plan.Allocation.EachLayer;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Supplier;

/// What a pruning method is asked.
///
/// @param weights the weights, read only; asked for by methods that look at them and by no other
/// @param layout the model, routed as the result will be, with all experts still there
/// @param evidence what calibration saw; layers without statistics when there was no calibration
/// @param allocation how many experts stay
/// @param guarded experts that stay whatever their scores say
/// @param router what becomes of router rows
public record PruneRequest(
    Supplier<MoeModel> weights,
    ModelLayout layout,
    Evidence evidence,
    Allocation allocation,
    SortedSet<ExpertId> guarded,
    RouterMode router) {

  public PruneRequest {
    guarded = new TreeSet<>(guarded);
  }

  /// Each layer keeps its own share of a budget.
  public PruneRequest(
      Supplier<MoeModel> weights,
      ModelLayout layout,
      Evidence evidence,
      Budget budget,
      SortedSet<ExpertId> guarded,
      RouterMode router) {
    this(weights, layout, evidence, new EachLayer(budget.counts(layout)), guarded, router);
  }

  /// The model as it is, to read weights from.
  public MoeModel model() {
    return weights.get();
  }

  /// The same with other numbers of experts.
  public PruneRequest with(Allocation other) {
    return new PruneRequest(weights, layout, evidence, other, guarded, router);
  }

  /// The guarded experts of a layer, ascending.
  public SortedSet<Integer> guardedIn(int layer) {
    SortedSet<Integer> experts = new TreeSet<>();
    guarded.stream().filter(id -> id.layer() == layer).forEach(id -> experts.add(id.expert()));
    return experts;
  }
}
