package io.moepress.recipes.apply;

import io.moepress.formats.integer.IntegerLayout;
import io.moepress.formats.integer.IntegerMatrix;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.formats.integer.IntegerWords;
import io.moepress.formats.tensor.Mapped;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.lowering.TensorProgram.Quantized;
import io.moepress.recipes.plan.PlanArray;
import java.lang.foreign.Arena;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Makes the weights of a linear map integers, some rows at a time.
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

  /// Gives tensors that the matrix is stored as.
  ///
  /// @param values the weights; null where the plan has the codes
  /// @param parts which tensors, by suffix; [Quantized#DECODED] is one, too
  /// @param arena owns the bytes
  /// @return the tensors, by suffix
  Map<String, TensorData> run(@Nullable TensorData values, Set<String> parts, Arena arena) {
    Map<String, TensorData> tensors = new TreeMap<>();
    for (String part : parts) {
      TensorInfo info = info(program.part(part), weights);
      tensors.put(part, new TensorData(info, arena.allocate(info.byteCount(), Long.BYTES)));
    }
    TensorData decoded = tensors.get(Quantized.DECODED);
    forEachBlock(
        blocks(values, parts),
        decoded == null
            ? (first, rows) -> program.layout().put(weights, first, rows, tensors)
            : (first, rows) -> decode(rows, first, decoded));
    return tensors;
  }

  /// Gives some rows as integers.
  private interface Blocks {
    /// @param first index of the first row
    /// @param count how many
    IntegerMatrix rows(int first, int count);
  }

  /// Takes some rows.
  private interface BlockSink {
    /// @param first index of the first row
    void accept(int first, IntegerMatrix rows);
  }

  private void forEachBlock(Blocks blocks, BlockSink sink) {
    int rows = Math.toIntExact(weights.shape().dimension(0));
    int step = program.layout().blockRows(program.scheme().bits(), columns());
    for (int first = 0; first < rows; first += step) {
      int count = Math.min(step, rows - first);
      sink.accept(first, blocks.rows(first, count));
    }
  }

  private int columns() {
    return Math.toIntExact(weights.shape().dimension(1));
  }

  private Blocks blocks(@Nullable TensorData values, Set<String> parts) {
    IntegerScheme scheme = program.scheme();
    PlanArray codes = program.codes();
    if (codes != null) {
      int rows = Math.toIntExact(weights.shape().dimension(0));
      return new IntegerWords(codes.ints(), rows, columns(), scheme)::matrix;
    }
    TensorData known = Objects.requireNonNull(values);
    boolean withCodes = parts.stream().anyMatch(this::holdsCodes);
    return (first, count) -> nearest(known, first, count, withCodes);
  }

  private boolean holdsCodes(String part) {
    return part.equals(Quantized.DECODED) || program.layout().holdsCodes(part);
  }

  private IntegerMatrix nearest(TensorData values, int first, int count, boolean withCodes) {
    float[] block = Numbers.floats(values, (long) first * columns(), count * columns());
    Mapped.rest(values.rows(first, count).bytes());
    IntegerScheme scheme = program.scheme();
    IntegerLayout layout = program.layout();
    return withCodes
        ? IntegerMatrix.encode(
            block, count, scheme.grid(), scheme.sharing(), layout.scaleType(weights.dtype()))
        : IntegerMatrix.scales(
            block, count, scheme.grid(), scheme.sharing(), layout.scaleType(weights.dtype()));
  }

  private static void decode(IntegerMatrix rows, int first, TensorData target) {
    float[] decoded = rows.decode();
    long place = (long) first * rows.columns();
    for (int i = 0; i < decoded.length; i++) {
      Numbers.put(target.info(), target.bytes(), place + i, decoded[i]);
    }
  }
}
