package io.moepress.recipes.apply;

import io.moepress.formats.Checks;
import io.moepress.formats.tensor.Mapped;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.apply.ProgramRunner.Sink;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/// A weighted sum of tensors of one type and shape, `Σ_i w_i · t_i + c`, piece by piece.
///
/// Sums are formed in double precision, in the order of the terms, and rounded to the stored type
/// once. A single term of weight 1 is passed on as it is, whatever its type.
///
/// @param terms the tensors
/// @param weights one for each
/// @param offset `c`
record Mixture(List<TensorData> terms, List<Double> weights, double offset) {
  /// Elements that are in memory at a time.
  private static final int CHUNK = 1 << 16;

  Mixture {
    TensorInfo first = terms.getFirst().info();
    for (TensorData term : terms) {
      TensorInfo info = term.info();
      Checks.requireFormat(
          info.dtype() == first.dtype() && info.shape().equals(first.shape()),
          "tensors %s %s %s and %s %s %s cannot be mixed (expected the same type and shape)",
          first.name(),
          first.dtype(),
          first.shape(),
          info.name(),
          info.dtype(),
          info.shape());
    }
  }

  /// Passes the bytes of the sum on.
  ///
  /// @throws io.moepress.formats.FormatException when a term is of a type that is no floating-point
  ///   number, or not finite
  void stream(Sink sink) throws IOException {
    if (terms.size() == 1 && weights.getFirst() == 1 && offset == 0) {
      ProgramRunner.pass(terms.getFirst().bytes(), sink);
      return;
    }
    TensorInfo whole = terms.getFirst().info();
    long elements = whole.shape().elementCount();
    int size = Math.toIntExact(Math.min(CHUNK, elements));
    double[] sums = new double[size];
    float[] values = new float[size];
    MemorySegment rounded = MemorySegment.ofArray(new byte[Math.multiplyExact(size, Long.BYTES)]);
    for (long first = 0; first < elements; first += size) {
      int count = Math.toIntExact(Math.min(size, elements - first));
      TensorInfo piece = new TensorInfo(whole.name(), whole.dtype(), Shape.of(count));
      Arrays.fill(sums, offset);
      for (int term = 0; term < terms.size(); term++) {
        add(terms.get(term), first, count, weights.get(term), values, sums);
      }
      for (int i = 0; i < count; i++) {
        Numbers.put(piece, rounded, i, (float) sums[i]);
      }
      sink.accept(rounded.asSlice(0, piece.byteCount()));
    }
  }

  private static void add(
      TensorData term, long first, int count, double weight, float[] values, double[] sums) {
    TensorInfo info = term.info();
    long width = info.dtype().bits() / Byte.SIZE;
    MemorySegment bytes = term.bytes().asSlice(first * width, count * width);
    TensorData piece =
        new TensorData(new TensorInfo(info.name(), info.dtype(), Shape.of(count)), bytes);
    Numbers.widen(piece, MemorySegment.ofArray(values));
    Mapped.rest(bytes);
    for (int i = 0; i < count; i++) {
      sums[i] += weight * values[i];
    }
  }
}
