package io.moepress.recipes.apply;

import io.moepress.formats.integer.IntegerGrid;
import io.moepress.formats.integer.IntegerMatrix;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.lowering.TensorProgram.Quantized;
import io.moepress.recipes.plan.PlanArray;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.Objects;

/// Makes the weights of a linear map integers.
///
/// @param program what is asked for
/// @param weights name, type and shape of the weights; scales get their type
record QuantizeRunner(Quantized program, TensorInfo weights) {

  /// Name, type and shape of what a program gives.
  static TensorInfo info(Quantized program, TensorInfo weights) {
    return program.part().equals(Quantized.DECODED)
        ? weights
        : Objects.requireNonNull(
            program.layout().layout(weights, program.scheme()).get(program.part()));
  }

  /// Gives the tensor.
  ///
  /// @param values of the weights; not looked at where the plan has the codes
  /// @param arena owns the bytes
  TensorData run(float[] values, Arena arena) {
    if (!program.part().equals(Quantized.DECODED)) {
      IntegerMatrix matrix = matrix(values, program.layout().holdsCodes(program.part()));
      return program.layout().part(weights, matrix, program.part());
    }
    TensorInfo info = info(program, weights);
    MemorySegment target = arena.allocate(info.byteCount(), Long.BYTES);
    float[] decoded = matrix(values, true).decode();
    for (int i = 0; i < decoded.length; i++) {
      Numbers.put(info, target, i, decoded[i]);
    }
    return new TensorData(info, target);
  }

  /// Gives all tensors that the matrix is stored as, by name.
  ///
  /// @param values of the weights; not looked at where the plan has the codes
  Map<String, TensorData> all(float[] values) {
    return program.layout().encode(weights, matrix(values, true));
  }

  private IntegerMatrix matrix(float[] values, boolean withCodes) {
    int rows = Math.toIntExact(weights.shape().dimension(0));
    int columns = Math.toIntExact(weights.shape().dimension(1));
    PlanArray codes = program.codes();
    if (codes != null) {
      return IntegerMatrix.of(codes.ints(), rows, columns, program.scheme());
    }
    IntegerGrid grid = program.scheme().grid();
    IntegerMatrix.Sharing sharing = program.scheme().sharing();
    DType scaleType = program.layout().scaleType(weights.dtype());
    return withCodes
        ? IntegerMatrix.encode(values, rows, grid, sharing, scaleType)
        : IntegerMatrix.scales(values, rows, grid, sharing, scaleType);
  }
}
