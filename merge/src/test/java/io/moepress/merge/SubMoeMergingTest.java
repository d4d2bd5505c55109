package io.moepress.merge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeExperts.Group;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Which experts Sub-MoE merges. What full rank and lower ranks do to matrices is a matter of
/// [io.moepress.recipes.linear.MatrixMerger].
class SubMoeMergingTest {
  private static final SubMoeMerging FULL = new SubMoeMerging(null, false, 1, 10, 42);

  @Test
  void expertsWhoseOutputsPointTheSameWayBecomeOne() throws IOException {
    MergeExperts step = question().routed(3, 1, 1, 0).ask(FULL, 2);

    assertThat(step.groups())
        .containsExactly(
            new Group(List.of(0, 2), List.of(0.75, 0.25), List.of(1.0, 0.0)),
            new Group(List.of(1, 3), List.of(1.0, 0.0), List.of(1.0, 0.0)));
  }

  /// At full rank there is nothing but the weighted mean.
  @Test
  void fullRankIsTheWeightedMean() throws IOException {
    assertThat(question().ask(FULL, 2).rule().onlyAddsUp()).isTrue();
  }

  @Test
  void asManyAsThereAreLeavesEveryExpertAlone() throws IOException {
    assertThat(question().ask(FULL, 4).groups())
        .extracting(Group::members)
        .containsExactly(List.of(0), List.of(1), List.of(2), List.of(3));
  }

  @Test
  void guardedExpertsAreNeverMerged() throws IOException {
    assertThat(question().guard(2).ask(FULL, 3).groups())
        .extracting(Group::members)
        .containsExactly(List.of(0), List.of(1, 3), List.of(2));
  }

  @Test
  void noStartIsRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new SubMoeMerging(null, false, 1, 0, 1))
        .withMessageContaining("starts: 0");
  }

  private static MergeQuestion question() {
    TinyMoe model = TinyMoe.mixtral().layers(1).experts(4).topK(1);
    return new MergeQuestion(ModelLayout.of(ModelConfig.parse(model.configJson())))
        .meanCosines(
            new double[] {1, 0.1, 0.9, 0.2},
            new double[] {0.1, 1, 0.1, 0.8},
            new double[] {0.9, 0.1, 1, 0.1},
            new double[] {0.2, 0.8, 0.1, 1});
  }
}
