package io.moepress.formats.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Every weight of a layer that is multiplied with a vector reads exactly one.
class LinearInputTest {

  @Test
  void normsBiasesAndWhatStandsOutsideLayersReadNothing() {
    EnumSet<TensorRole> nothing = EnumSet.allOf(TensorRole.class);
    for (LinearInput input : LinearInput.values()) {
      nothing.removeAll(input.readers());
    }

    assertThat(nothing)
        .containsExactlyInAnyOrder(
            TensorRole.EMBEDDING,
            TensorRole.OUTPUT_HEAD,
            TensorRole.FINAL_NORM,
            TensorRole.ATTENTION_NORM,
            TensorRole.FEED_FORWARD_NORM,
            TensorRole.QUERY_NORM,
            TensorRole.KEY_NORM,
            TensorRole.QUERY_COMPRESS_NORM,
            TensorRole.KEY_VALUE_COMPRESS_NORM,
            TensorRole.QUERY_BIAS,
            TensorRole.KEY_BIAS,
            TensorRole.VALUE_BIAS,
            TensorRole.ATTENTION_OUTPUT_BIAS,
            TensorRole.ATTENTION_SINKS,
            TensorRole.ROUTER_BIAS,
            TensorRole.EXPERTS_GATE_UP_BIAS,
            TensorRole.EXPERTS_DOWN_BIAS,
            TensorRole.SELECTION_BIAS);
    assertThat(nothing).allMatch(role -> LinearInput.of(role).isEmpty());
  }

  @ParameterizedTest
  @EnumSource(LinearInput.class)
  void aRoleReadsOneInput(LinearInput input) {
    for (TensorRole role : input.readers()) {
      assertThat(LinearInput.of(role)).contains(input);
    }
    assertThat(LinearInput.named(input.label())).contains(input);
  }

  /// The width of an input is the last axis of all its readers, in every shape they may have that
  /// is stored output first.
  @ParameterizedTest
  @EnumSource(LinearInput.class)
  void allReadersAreEquallyWide(LinearInput input) {
    List<String> widths =
        input.readers().stream()
            .flatMap(role -> RoleShapes.of(role, false).stream().limit(1))
            .map(List::getLast)
            .distinct()
            .toList();

    assertThat(widths).hasSize(1);
  }

  @Test
  void onlyRoutedExpertsHaveInputsOfTheirOwn() {
    assertThat(Arrays.stream(LinearInput.values()).filter(LinearInput::isOfExperts))
        .containsExactly(LinearInput.EXPERT, LinearInput.EXPERT_DOWN);
  }
}
