package io.moepress.recipes.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.moepress.recipes.plan.MergeExperts.Group;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class MergeExpertsTest {

  @Test
  void aMergeKnowsHowManyExpertsThereWereAndAreLeft() {
    MergeExperts step = merge(Group.mean(List.of(0, 2)), Group.represented(List.of(1, 3), 3));

    assertThat(step.experts()).isEqualTo(4);
    assertThat(step.left()).isEqualTo(2);
    assertThat(step.groupOf(2)).isZero();
    assertThat(step.groupOf(3)).isEqualTo(1);
  }

  @Test
  void aGroupHasARepresentativeOnlyWhenNobodyElseHasAShare() {
    assertThat(Group.represented(List.of(1, 3), 3).representative()).contains(3);
    assertThat(Group.mean(List.of(4)).representative()).contains(4);
    assertThat(Group.mean(List.of(1, 3)).representative()).isEmpty();
    assertThat(new Group(List.of(1, 2, 3), List.of(1.0, 0.5, -0.5), List.of(1.0, 0.0, 0.0)))
        .extracting(Group::representative)
        .isEqualTo(Optional.empty());
  }

  @Test
  void everyExpertIsInExactlyOneGroup() {
    assertRefused("in exactly one group", Group.mean(List.of(0, 1)), Group.mean(List.of(1, 2)));
    assertRefused("in exactly one group", Group.mean(List.of(0, 3)), Group.mean(List.of(1)));
    assertRefused("in exactly one group");
    assertRefused("ascend by their smallest", Group.mean(List.of(1)), Group.mean(List.of(0, 2)));
  }

  @Test
  void aGroupThatMakesNoSenseIsRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Group(List.of(), List.of(), List.of()))
        .withMessageContaining("without members");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Group.mean(List.of(2, 1)))
        .withMessageContaining("must ascend");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Group(List.of(0, 1), List.of(1.0), List.of(1.0, 0.0)))
        .withMessageContaining("a finite number for each member");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Group(List.of(0, 1), List.of(0.5, 0.4), List.of(1.0, 0.0)))
        .withMessageContaining("add up to 0.9 (expected 1)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Group(List.of(0), List.of(Double.NaN), List.of(1.0)))
        .withMessageContaining("finite");
  }

  private static void assertRefused(String message, Group... groups) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> merge(groups))
        .withMessageContaining(message);
  }

  private static MergeExperts merge(Group... groups) {
    return new MergeExperts(5, "handmade", "dominant", List.of(groups));
  }
}
