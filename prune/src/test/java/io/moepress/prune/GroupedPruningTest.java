package io.moepress.prune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.ExpertId;
import io.moepress.recipes.plan.KeepCount;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.PruneRequest;
import io.moepress.recipes.plan.RouterMode;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/// 16 experts in 4 groups.
class GroupedPruningTest {
  private static final Evidence.Domain ALL = new Evidence.Domain("all", "sha256:0", 1, 75);

  /// Group by group, how often each expert was chosen.
  private static final double[] COUNTS = {
    9, 8, 7, 6,
    0, 0, 0, 0,
    5, 1, 3, 3,
    2, 9, 1, 4
  };

  @Test
  void keepsTheBestOfEachGroup() throws IOException {
    assertThat(kept(8, new TreeSet<>())).containsExactly(0, 1, 4, 5, 8, 10, 13, 15);
  }

  @Test
  void keepsGuardedExpertsFirstWithinTheirGroup() throws IOException {
    SortedSet<ExpertId> guarded =
        new TreeSet<>(List.of(new ExpertId(1, 3), new ExpertId(1, 6), new ExpertId(1, 7)));

    assertThat(kept(8, guarded)).containsExactly(0, 3, 6, 7, 8, 10, 13, 15);
  }

  @Test
  void refusesMoreGuardedExpertsThanAGroupHasPlaces() throws IOException {
    SortedSet<ExpertId> guarded =
        new TreeSet<>(List.of(new ExpertId(1, 4), new ExpertId(1, 6), new ExpertId(1, 7)));

    assertThatThrownBy(() -> kept(8, guarded))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "layer 1: 3 experts are protected ([4, 6, 7]), but only 2 may stay of experts 4 to 7."
                + " Keep more, or protect fewer.");
  }

  @Test
  void keepsEverythingWhenAsked() throws IOException {
    assertThat(kept(16, new TreeSet<>())).hasSize(16);
  }

  @Test
  void withoutGroupsKeepsTheBestOfTheLayer() throws IOException {
    ModelConfig one = config().with("n_group", 1).with("topk_group", 1);

    assertThat(kept(one, 5, new TreeSet<>())).containsExactly(0, 1, 2, 3, 13);
  }

  private static ModelConfig config() throws IOException {
    return ModelConfig.parse(Files.readString(TestData.path("models/tiny-deepseekv3/config.json")));
  }

  private static List<Integer> kept(int count, SortedSet<ExpertId> guarded) throws IOException {
    return kept(config(), count, guarded);
  }

  private static List<Integer> kept(ModelConfig config, int count, SortedSet<ExpertId> guarded)
      throws IOException {
    Evidence.Layer layer =
        new Evidence.Layer(16, Map.of(Statistic.ROUTED_TOKENS, new double[][] {COUNTS}));
    Evidence evidence =
        new Evidence("sha256:0", 100, List.of(ALL), new TreeMap<>(Map.of(1, layer)));
    List<KeepExperts> steps =
        ActivationMembers.FREQUENCY.plan(
            new PruneRequest(
                Question.NO_WEIGHTS,
                ModelLayout.of(config),
                evidence,
                new KeepCount(count),
                guarded,
                RouterMode.SLICE));
    assertThat(steps).hasSize(1);
    return steps.getFirst().kept();
  }
}
