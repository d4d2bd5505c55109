package io.moepress.calibrate.forward;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.architecture.Architecture.RotaryPairing;

/// Rotary position embedding: turns pairs of elements of each head by an angle that grows with the
/// position, `a' = a cos - b sin`, `b' = b cos + a sin`, angle = position · inverse frequency.
///
/// Source: Su et al., arXiv:2104.09864.
///
/// @param pairing which elements belong together
/// @param frequencies inverse frequencies and the factor on cosine and sine
/// @param table their cosines and sines by position
record Rotary(RotaryPairing pairing, RotaryFrequencies frequencies, AngleTable table) {
  /// Axis of `d` in `[tokens, heads, d]`.
  private static final int HEAD_AXIS = 2;

  /// Axis of the two in `[tokens, heads, d/2, 2]`.
  private static final int PAIR_AXIS = 3;

  /// Cosines and sines for positions 0 to `tokens - 1`, each `[tokens, 1, d/2]`.
  record Angles(NDArray cosines, NDArray sines) {}

  Rotary(RotaryPairing pairing, RotaryFrequencies frequencies) {
    this(pairing, frequencies, new AngleTable(frequencies));
  }

  /// The angles of a sequence.
  Angles angles(TorchScope scope, int tokens) {
    AngleTable.Values values = table.upTo(tokens);
    int pairs = values.pairs();
    return new Angles(
        scope.copy(values.cosines(), tokens, 1, pairs),
        scope.copy(values.sines(), tokens, 1, pairs));
  }

  /// Turns `heads` of shape `[tokens, heads, d]`. Elements behind the last frequency's pair stay as
  /// they are.
  NDArray apply(NDArray heads, Angles angles) {
    long width = heads.getShape().get(HEAD_AXIS);
    long turned = 2L * frequencies.inverse().length;
    if (turned == width) {
      return turn(heads, angles);
    }
    NDList parts = heads.split(new long[] {turned}, HEAD_AXIS);
    return NDArrays.concat(new NDList(turn(parts.get(0), angles), parts.get(1)), HEAD_AXIS);
  }

  private NDArray turn(NDArray heads, Angles angles) {
    return switch (pairing) {
      case HALF -> {
        NDList halves = heads.split(2, HEAD_AXIS);
        yield NDArrays.concat(turn(halves.get(0), halves.get(1), angles), HEAD_AXIS);
      }
      case PAIRS -> {
        Shape shape = heads.getShape();
        NDList sides =
            heads.reshape(shape.get(0), shape.get(1), shape.get(2) / 2, 2).split(2, PAIR_AXIS);
        NDArray first = sides.get(0).squeeze(PAIR_AXIS);
        NDArray second = sides.get(1).squeeze(PAIR_AXIS);
        yield NDArrays.stack(turn(first, second, angles), PAIR_AXIS).reshape(shape);
      }
    };
  }

  private static NDList turn(NDArray a, NDArray b, Angles angles) {
    NDArray first = a.mul(angles.cosines()).subi(b.mul(angles.sines()));
    NDArray second = b.mul(angles.cosines()).addi(a.mul(angles.sines()));
    return new NDList(first, second);
  }
}
