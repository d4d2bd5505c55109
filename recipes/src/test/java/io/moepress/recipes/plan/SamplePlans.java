package io.moepress.recipes.plan;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/// Decisions and plans made up for a test.
public final class SamplePlans {
  private SamplePlans() {}

  /// Keeps these experts of a layer that has `experts`.
  public static KeepExperts keep(int layer, int experts, int... kept) {
    return new KeepExperts(
        layer,
        "handpicked",
        "slice",
        Arrays.stream(kept).boxed().toList(),
        List.of(),
        Collections.nCopies(experts, 0.0));
  }

  /// How many experts of a layer a method is asked to keep.
  public static int asked(PruneRequest request, int layer) {
    return switch (request.allocation()) {
      case Allocation.EachLayer each -> each.counts().getOrDefault(layer, 0);
      case Allocation.Global global -> throw new AssertionError("asked for all layers together");
    };
  }

  /// A plan of these steps; what does not matter to a test is made up.
  public static Plan plan(List<? extends PlanStep> steps) {
    return new Plan(
        Plan.FORMAT_VERSION,
        "moepress test",
        "qwen3_moe",
        null,
        "sha256:source",
        "sha256:evidence",
        "transformers",
        new Plan.Size(4, 1000, 4000),
        new Plan.Size(2, 600, 2400),
        List.of("a note"),
        List.copyOf(steps));
  }
}
