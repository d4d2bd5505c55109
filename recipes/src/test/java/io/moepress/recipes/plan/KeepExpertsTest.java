package io.moepress.recipes.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class KeepExpertsTest {

  @Test
  void aLayerHasAsManyExpertsAsScores() {
    assertThat(SamplePlans.keep(3, 8, 1, 7).experts()).isEqualTo(8);
  }

  @Test
  void aRouterModeNobodyKnowsIsRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> new KeepExperts(3, "reap", "mean", List.of(0), List.of(), List.of(1.0, 2.0)))
        .withMessage("layer 3: router mean (expected one of [slice, mask])");
  }

  @Test
  void expertsAreInTheOrderOfLayersThenOfIndices() {
    List<ExpertId> ids =
        List.of(new ExpertId(2, 5), new ExpertId(1, 3), new ExpertId(2, 0), new ExpertId(12, 5));

    assertThat(new TreeSet<>(ids))
        .map(ExpertId::toString)
        .containsExactly("1:3", "2:0", "2:5", "12:5");
  }
}
