package io.moepress.recipes.apply;

import io.moepress.formats.architecture.Architecture.Orientation;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.lowering.TensorProgram.ZeroSmallest;
import io.moepress.recipes.plan.PlanArray;
import io.moepress.recipes.plan.PlanMismatchException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;

/// Sets the weights that matter least to zero where they stand. No other byte is written.
///
/// @param program what is asked for
/// @param arrays gives the norms
record ZeroRunner(ZeroSmallest program, RecentArrays arrays) {
  /// Weights that are widened at a time.
  private static final long BLOCK = 1L << 20;

  /// Works on consecutive rows (indices along axis 0) of what the program gives: rows of one
  /// matrix, or matrices of experts.
  ///
  /// @param weights the rows, in memory that may be written to
  /// @param first index of the first of them
  void zero(TensorData weights, int first) {
    Orientation stacked = program.stacked();
    if (stacked == null) {
      zeroMatrix(program.rows().getFirst(), weights, Orientation.OUTPUT_FIRST);
      return;
    }
    Shape shape = weights.info().shape();
    Shape one = new Shape(shape.dimensions().subList(1, shape.rank()));
    for (int i = 0; i < shape.dimension(0); i++) {
      String name = weights.info().name() + "[" + (first + i) + "]";
      TensorInfo info = new TensorInfo(name, weights.info().dtype(), one);
      TensorData matrix = new TensorData(info, weights.rows(i, 1).bytes());
      zeroMatrix(program.rows().get(first + i), matrix, stacked);
    }
  }

  private void zeroMatrix(int row, TensorData matrix, Orientation orientation) {
    if (row == ZeroSmallest.DENSE) {
      return;
    }
    Shape shape = matrix.info().shape();
    int inputs =
        Math.toIntExact(
            switch (orientation) {
              case OUTPUT_FIRST -> shape.dimension(1);
              case INPUT_FIRST -> shape.dimension(0);
            });
    SmallestWeights smallest =
        new SmallestWeights(program.pattern(), norms(row, matrix.info(), inputs));
    switch (orientation) {
      case OUTPUT_FIRST -> zeroRows(matrix, inputs, smallest);
      case INPUT_FIRST -> zeroColumns(matrix, inputs, smallest);
    }
  }

  private double[] norms(int row, TensorInfo matrix, int inputs) {
    double[] norms = new double[inputs];
    PlanArray array = program.norms();
    if (array == null) {
      Arrays.fill(norms, 1);
      return norms;
    }
    float[] all = arrays.floats(array);
    List<Long> shape = array.shape();
    if (shape.size() != 2 || shape.getLast() != inputs || row >= shape.getFirst()) {
      throw new PlanMismatchException(
          "plan: tensor %s: %d inputs, row %d of norms, but %s holds %s (expected [n, %d]). Plan"
              + " again.",
          matrix.name(), inputs, row, array.name(), shape, inputs);
    }
    for (int i = 0; i < inputs; i++) {
      norms[i] = all[row * inputs + i];
    }
    return norms;
  }

  /// `[out, in]`.
  private static void zeroRows(TensorData matrix, int inputs, SmallestWeights smallest) {
    long outputs = matrix.info().shape().dimension(0);
    int step = (int) Math.clamp(BLOCK / inputs, 1, Math.max(1, outputs));
    float[] block = new float[Math.multiplyExact(step, inputs)];
    for (long first = 0; first < outputs; first += step) {
      long count = Math.min(step, outputs - first);
      Numbers.widen(matrix.rows(first, count), MemorySegment.ofArray(block));
      for (int i = 0; i < count; i++) {
        long start = (first + i) * inputs;
        smallest.find(block, i * inputs, column -> clear(matrix, start + column));
      }
    }
  }

  /// `[in, out]`: some columns at a time, each of which is an output row.
  private static void zeroColumns(TensorData matrix, int inputs, SmallestWeights smallest) {
    long outputs = matrix.info().shape().dimension(1);
    int step = (int) Math.clamp(BLOCK / inputs, 1, Math.max(1, outputs));
    float[] piece = new float[step];
    float[] block = new float[Math.multiplyExact(step, inputs)]; // [step, in]
    for (long first = 0; first < outputs; first += step) {
      int count = (int) Math.min(step, outputs - first);
      for (int input = 0; input < inputs; input++) {
        widen(matrix, input * outputs + first, count, piece);
        for (int i = 0; i < count; i++) {
          block[i * inputs + input] = piece[i];
        }
      }
      for (int i = 0; i < count; i++) {
        long output = first + i;
        smallest.find(block, i * inputs, input -> clear(matrix, input * outputs + output));
      }
    }
  }

  private static void widen(TensorData matrix, long first, int count, float[] target) {
    TensorInfo info = new TensorInfo(matrix.info().name(), matrix.info().dtype(), Shape.of(count));
    MemorySegment bytes = matrix.bytes().asSlice(first * size(matrix), info.byteCount());
    Numbers.widen(new TensorData(info, bytes), MemorySegment.ofArray(target));
  }

  /// Positive zero is all zero bits in every type.
  private static void clear(TensorData matrix, long element) {
    int size = size(matrix);
    for (long i = element * size; i < (element + 1) * size; i++) {
      matrix.bytes().set(ValueLayout.JAVA_BYTE, i, (byte) 0);
    }
  }

  private static int size(TensorData matrix) {
    return matrix.info().dtype().bits() / Byte.SIZE;
  }
}
