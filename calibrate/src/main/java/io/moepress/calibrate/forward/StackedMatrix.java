package io.moepress.calibrate.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.architecture.Architecture.Orientation;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.TensorData;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// One expert's slice of a tensor that holds a matrix of every expert.
///
/// What is taken out of it lies in memory as it would if it had been a tensor `[out, in]` of its
/// own, so that the same products give the same bits.
///
/// @param slice `[out, in]` or `[in, out]`, as `orientation` says
record StackedMatrix(TensorData slice, Orientation orientation) {
  /// Rows that are transposed at a time: the floats of one cache line.
  private static final int BLOCK = 16;

  /// The outputs `first`, `first + step`, ..., `count` of them, as a weight `[count, in]`.
  NDArray outputs(TorchScope scope, int first, int step, int count) {
    return switch (orientation) {
      case OUTPUT_FIRST -> rows(scope, first, step, count);
      case INPUT_FIRST -> columns(scope, first, step, count);
    };
  }

  private NDArray rows(TorchScope scope, int first, int step, int count) {
    long inputs = slice.info().shape().dimension(1);
    MemorySegment target = scope.floats(count * inputs);
    if (step == 1) {
      Numbers.widen(slice.rows(first, count), target);
    } else {
      for (int i = 0; i < count; i++) {
        MemorySegment row = target.asSlice(i * inputs * Float.BYTES, inputs * Float.BYTES);
        Numbers.widen(slice.rows(first + (long) i * step, 1), row);
      }
    }
    return scope.over(target, count, inputs);
  }

  private NDArray columns(TorchScope scope, int first, int step, int count) {
    long inputs = slice.info().shape().dimension(0);
    long outputs = slice.info().shape().dimension(1);
    MemorySegment target = scope.floats(count * inputs);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment block = arena.allocate(BLOCK * outputs * Float.BYTES, Float.BYTES);
      for (long input = 0; input < inputs; input += BLOCK) {
        long height = Math.min(BLOCK, inputs - input);
        Numbers.widen(slice.rows(input, height), block);
        for (int i = 0; i < count; i++) {
          long column = first + (long) i * step;
          for (long j = 0; j < height; j++) {
            float value = block.getAtIndex(JAVA_FLOAT, j * outputs + column);
            target.setAtIndex(JAVA_FLOAT, i * inputs + input + j, value);
          }
        }
      }
    }
    return scope.over(target, count, inputs);
  }
}
