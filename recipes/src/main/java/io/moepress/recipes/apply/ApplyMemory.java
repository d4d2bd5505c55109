package io.moepress.recipes.apply;

import io.moepress.formats.tensor.DType;
import io.moepress.recipes.linear.MatrixMerger;
import io.moepress.recipes.lowering.LoweredPlan;
import io.moepress.recipes.lowering.OutputTensor;
import io.moepress.recipes.lowering.TensorProgram;
import io.moepress.recipes.lowering.TensorProgram.Copy;
import io.moepress.recipes.lowering.TensorProgram.Mask;
import io.moepress.recipes.lowering.TensorProgram.MergedMatrices;
import io.moepress.recipes.lowering.TensorProgram.MergedMatrices.Part;
import io.moepress.recipes.lowering.TensorProgram.MixedRows;
import io.moepress.recipes.lowering.TensorProgram.Quantized;
import io.moepress.recipes.lowering.TensorProgram.Rows;
import io.moepress.recipes.lowering.TensorProgram.Stack;
import io.moepress.recipes.lowering.TensorProgram.WeightedSum;
import io.moepress.recipes.lowering.TensorProgram.ZeroSmallest;
import java.util.List;

/// What the programs of a plan hold in memory beside mapped tensors: matrices that are merged, in
/// float64, and what matrices of integers are stored as. Their weights are worked on in blocks of
/// rows, which are part of what the program takes without any work.
public final class ApplyMemory {
  /// The codes of a matrix, and all else that it is stored as, which is less.
  private static final int STORED = 2;

  /// Codes of the plan, as bytes and as words.
  private static final int PLANNED = 2;

  private ApplyMemory() {}

  /// The most that one job holds, in bytes; 0 where nothing is merged or quantised matrix by
  /// matrix.
  public static long perJob(LoweredPlan plan) {
    return plan.tensors().stream().mapToLong(ApplyMemory::bytes).max().orElse(0);
  }

  private static long bytes(OutputTensor tensor) {
    long working = bytes(tensor.program());
    return tensor.program() instanceof Quantized quantized
        ? working + bytes(quantized, tensor)
        : working;
  }

  /// The matrix before, unless it is mapped, and after.
  private static long bytes(Quantized quantized, OutputTensor tensor) {
    long read = quantized.of() instanceof Copy ? 0 : Float.BYTES * weights(tensor, quantized);
    long stored = STORED * tensor.info().byteCount();
    return quantized.codes() == null ? read + stored : read + (1 + PLANNED) * stored;
  }

  /// Codes, or decoded weights, tell how many there are; scales need no more than they.
  private static long weights(OutputTensor tensor, Quantized quantized) {
    long elements = tensor.info().shape().elementCount();
    return tensor.info().dtype() == DType.I32
        ? elements * Integer.SIZE / quantized.scheme().bits()
        : elements;
  }

  private static long bytes(TensorProgram program) {
    return switch (program) {
      case Copy copy -> 0;
      case Rows rows -> bytes(rows.of());
      case Mask mask -> bytes(mask.of());
      case MixedRows mixed -> bytes(mixed.of());
      case ZeroSmallest zero -> bytes(zero.of());
      case Quantized quantized -> bytes(quantized.of());
      case WeightedSum sum -> largest(sum.of());
      case Stack stack -> largest(stack.of());
      case MergedMatrices merged -> largest(merged.of()) + bytes(merged);
    };
  }

  private static long largest(List<TensorProgram> programs) {
    return programs.stream().mapToLong(ApplyMemory::bytes).max().orElse(0);
  }

  /// The tensor of a member and of the result, and what the mergers hold; only one of them works at
  /// a time.
  private static long bytes(MergedMatrices program) {
    long tensors = 0;
    long held = 0;
    long working = 0;
    for (Part part : program.parts()) {
      tensors += 2L * Float.BYTES * part.matrix().rows() * part.matrix().columns();
      held += MatrixMerger.heldBytes(part.matrix(), part.rank());
      working = Math.max(working, MatrixMerger.workingBytes(part.matrix(), part.rank()));
    }
    return tensors + held + working;
  }
}
