package io.moepress.calibrate.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.torch.Torch;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.architecture.Architecture.Activation;
import io.moepress.formats.architecture.Gating;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/// Attention sinks and the clamped activation, worked out by hand. The golden checkpoint is too
/// small and too tame to reach the clamp.
class GptOssBlocksTest {
  private static final Gating CLAMPED = new Gating(Activation.CLAMPED_SILU, 7, 1.702f);

  @Test
  void gateIsClampedAboveAndUpOnBothSides() {
    float[] gates = {3, 9, -9, 7, 0};
    float[] ups = {2, 9, -9, -6, 5};
    float[] expected = new float[gates.length];
    for (int i = 0; i < gates.length; i++) {
      double gate = Math.min(gates[i], 7);
      double up = Math.clamp(ups[i], -7, 7);
      expected[i] = (float) ((up + 1) * gate / (1 + Math.exp(-1.702 * gate)));
    }

    float[] found = intermediate(gates, ups);

    for (int i = 0; i < expected.length; i++) {
      assertThat(found[i])
          .as("gate %s, up %s", gates[i], ups[i])
          .isCloseTo(expected[i], within(1e-5f * Math.max(1, Math.abs(expected[i]))));
    }
  }

  /// A network with one input of 1, whose weights are what gate and up projection give.
  private static float[] intermediate(float[] gates, float[] ups) {
    try (TorchScope scope = Torch.scope()) {
      NDArray x = scope.copy(new float[] {1}, 1, 1);
      Linear gate = new Linear(scope.copy(gates, gates.length, 1).transpose(), null);
      Linear up = new Linear(scope.copy(ups, ups.length, 1).transpose(), null);
      return TorchScope.values(new GatedNetwork(CLAMPED, gate, up, gate).intermediate(x))
          .toArray(JAVA_FLOAT);
    }
  }

  /// The weight of the values is what softmax leaves beside the sink.
  @Test
  void aSinkTakesItsShareOfEachToken() {
    float[] q = random(1, 6);
    float[] k = random(2, 6);
    float[] v = random(3, 6);

    float[] without = mix(q, k, v, Integer.MAX_VALUE, new float[0]);
    float[] with = mix(q, k, v, Integer.MAX_VALUE, new float[] {0.5f, -1});

    for (int token = 0; token < 3; token++) {
      for (int head = 0; head < 2; head++) {
        double sum = 0;
        for (int key = 0; key <= token; key++) {
          sum += Math.exp(q[token * 2 + head] * k[key * 2 + head]);
        }
        double share = sum / (sum + Math.exp(head == 0 ? 0.5 : -1));
        int i = token * 2 + head;
        assertThat(with[i]).isCloseTo((float) (without[i] * share), within(1e-6f));
      }
    }
  }

  @Test
  void aSinkFarBelowTheScoresTakesNothing() {
    float[] q = random(4, 6);
    float[] sinks = {-1e9f, -1e9f};

    float[] with = mix(q, q, q, 2, sinks);
    float[] without = mix(q, q, q, 2, new float[0]);

    for (int i = 0; i < with.length; i++) {
      assertThat(with[i]).isCloseTo(without[i], within(1e-6f));
    }
  }

  /// Three tokens, two heads of width 1.
  private static float[] mix(float[] q, float[] k, float[] v, int window, float[] sinks) {
    try (TorchScope scope = Torch.scope()) {
      CausalMix mix = new CausalMix(2, 2, window, sinks);
      NDArray mixed =
          mix.apply(scope, scope.copy(q, 3, 2, 1), scope.copy(k, 3, 2, 1), scope.copy(v, 3, 2, 1));
      return TorchScope.values(mixed).toArray(JAVA_FLOAT);
    }
  }

  private static float[] random(long seed, int count) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}
