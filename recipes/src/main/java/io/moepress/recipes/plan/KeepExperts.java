package io.moepress.recipes.plan;

import io.moepress.formats.Checks;
import java.util.List;

/// Keeps some experts of a layer and drops the rest. Those that stay are renumbered from 0 in
/// ascending order; their router rows stay with them. With router mode `mask` all experts stay on
/// disk, and the router never chooses those that are not kept.
///
/// @param layer decoder layer index
/// @param method name of the method that decided
/// @param router what becomes of the router rows
/// @param kept expert indices that stay, ascending, without repeats
/// @param guarded those of them that stay whatever their score says
/// @param scores the score of every expert, `[E]`: the higher, the sooner it stays
public record KeepExperts(
    int layer,
    String method,
    String router,
    List<Integer> kept,
    List<Integer> guarded,
    List<Double> scores)
    implements ExpertStep {

  public KeepExperts {
    kept = List.copyOf(kept);
    guarded = List.copyOf(guarded);
    scores = List.copyOf(scores);
    Checks.require(
        RouterMode.named(router).isPresent(),
        "layer %d: router %s (expected one of %s)",
        layer,
        router,
        RouterMode.labels());
    Checks.require(!kept.isEmpty(), "layer %d: no expert stays", layer);
    for (int i = 0; i < kept.size(); i++) {
      Checks.require(
          kept.get(i) >= 0 && (i == 0 || kept.get(i) > kept.get(i - 1)),
          "layer %d: kept experts must ascend without repeats: %s",
          layer,
          kept);
    }
    Checks.require(
        kept.getLast() < scores.size(),
        "layer %d: expert %d is kept, but there are scores for %d experts",
        layer,
        kept.getLast(),
        scores.size());
    Checks.require(
        kept.containsAll(guarded), "layer %d: guarded experts %s must stay", layer, guarded);
  }

  @Override
  public int experts() {
    return scores.size();
  }

  @Override
  public int left() {
    return switch (RouterMode.named(router).orElseThrow()) {
      case SLICE -> kept.size();
      case MASK -> experts();
    };
  }
}
