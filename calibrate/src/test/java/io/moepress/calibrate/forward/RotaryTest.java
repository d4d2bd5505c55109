package io.moepress.calibrate.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.torch.Torch;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.architecture.Architecture.RotaryPairing;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class RotaryTest {
  private static final float TOLERANCE = 1e-6f;

  /// At position 1 the first pair turns by a quarter and the second by a half.
  private static final RotaryFrequencies QUARTER_AND_HALF =
      new RotaryFrequencies(new double[] {Math.PI / 2, Math.PI}, 1);

  @Test
  void turnsElementsHalfAHeadApart() {
    assertThat(turned(RotaryPairing.HALF, 1, 2, 3, 4))
        .containsExactly(new float[] {-3, -2, 1, -4}, offset(TOLERANCE));
  }

  @Test
  void turnsNeighbours() {
    assertThat(turned(RotaryPairing.PAIRS, 1, 2, 3, 4))
        .containsExactly(new float[] {-2, 1, -3, -4}, offset(TOLERANCE));
  }

  @Test
  void leavesTheRestOfAHeadAlone() {
    assertThat(turned(RotaryPairing.HALF, 1, 2, 3, 4, 5, 6))
        .containsExactly(new float[] {-3, -2, 1, -4, 5, 6}, offset(TOLERANCE));
    assertThat(turned(RotaryPairing.PAIRS, 1, 2, 3, 4, 5, 6))
        .containsExactly(new float[] {-2, 1, -3, -4, 5, 6}, offset(TOLERANCE));
  }

  /// The head at position 1; the same head at position 0 must stay as it is.
  private static float[] turned(RotaryPairing pairing, float... head) {
    Rotary rotary = new Rotary(pairing, QUARTER_AND_HALF);
    float[] twice = new float[2 * head.length];
    System.arraycopy(head, 0, twice, 0, head.length);
    System.arraycopy(head, 0, twice, head.length, head.length);
    try (TorchScope scope = Torch.scope()) {
      NDArray heads = scope.copy(twice, 2, 1, head.length);
      NDArray result = rotary.apply(heads, rotary.angles(scope, 2));
      float[] values = TorchScope.values(result).toArray(JAVA_FLOAT);
      assertThat(Arrays.copyOf(values, head.length)).isEqualTo(head);
      return Arrays.copyOfRange(values, head.length, values.length);
    }
  }
}
