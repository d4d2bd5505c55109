package io.moepress.recipes.plan;

import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.recipes.evidence.Evidence;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Supplier;

/// What a pruning method is asked.
///
/// @param weights the weights, read only; asked for by methods that look at them and by no other
/// @param layout the model, routed as the result will be, with all experts still there
/// @param evidence what calibration saw; layers without statistics when there was no calibration
/// @param budget how many experts stay
/// @param guarded experts that stay whatever their scores say
/// @param router what becomes of router rows
public record PruneRequest(
    Supplier<MoeModel> weights,
    ModelLayout layout,
    Evidence evidence,
    Budget budget,
    SortedSet<ExpertId> guarded,
    RouterMode router) {

  public PruneRequest {
    guarded = new TreeSet<>(guarded);
  }

  /// The model as it is, to read weights from.
  public MoeModel model() {
    return weights.get();
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
