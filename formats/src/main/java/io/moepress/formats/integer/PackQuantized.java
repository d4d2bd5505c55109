package io.moepress.formats.integer;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/// The layout `pack-quantized` of compressed-tensors: a linear layer's weight `[out, in]` of `b`
/// bits in groups of `g` columns is stored as
///
/// | tensor              | type, shape                  |                                         |
/// |---------------------|------------------------------|-----------------------------------------|
/// | `NAME_packed`       | I32 `[out, ⌈in · b / 32⌉]`   | codes plus `2^(b-1)`, each row by itself |
/// | `NAME_scale`        | float `[out, in / g]`        |                                         |
/// | `NAME_zero_point`   | I32 `[⌈out · b / 32⌉, in/g]` | asymmetric only; plus `2^(b-1)`, each column by itself |
/// | `NAME_shape`        | I64 `[2]`                    | `out`, `in`                             |
/// | `NAME_g_idx`        | I32 `[in]`                   | only where columns are in other groups than `column / g` |
///
/// Numbers of words are those of [BitPacking#STREAM]; [BitPacking#WHOLE] has more for 3, 5, 6 and 7
/// bits, by which it is told when reading.
///
/// Source: compressed-tensors, `compressors/pack_quantized`.
///
/// @param packing how codes share words; say which where it makes a difference
public record PackQuantized(BitPacking packing) {
  /// What the name of the codes has behind that of the weight.
  public static final String PACKED = "_packed";

  /// What the name of the scales has behind that of the weight.
  public static final String SCALE = "_scale";

  /// What the name of the zero points has behind that of the weight.
  public static final String ZERO_POINT = "_zero_point";

  /// What the name of the shape has behind that of the weight.
  public static final String SHAPE = "_shape";

  private static final String GROUPS = "_g_idx";

  /// The tensors of a matrix whose groups are consecutive columns, by their suffixes.
  ///
  /// @param weight name, shape, and the type that scales will have
  public SortedMap<String, TensorInfo> layout(TensorInfo weight, IntegerScheme scheme) {
    int rows = Math.toIntExact(weight.shape().dimension(0));
    int columns = Math.toIntExact(weight.shape().dimension(1));
    long groups = scheme.groups(columns);
    String name = weight.name();
    SortedMap<String, TensorInfo> layout = new TreeMap<>();
    Shape words = Shape.of(rows, packing.words(columns, scheme.bits()));
    layout.put(PACKED, new TensorInfo(name + PACKED, DType.I32, words));
    layout.put(SCALE, new TensorInfo(name + SCALE, weight.dtype(), Shape.of(rows, groups)));
    layout.put(SHAPE, new TensorInfo(name + SHAPE, DType.I64, Shape.of(2)));
    if (!scheme.isSymmetric()) {
      Shape zeros = Shape.of(packing.words(rows, scheme.bits()), groups);
      layout.put(ZERO_POINT, new TensorInfo(name + ZERO_POINT, DType.I32, zeros));
    }
    return layout;
  }

  /// The tensors of a matrix.
  ///
  /// @param name of the weight
  /// @param scaleType the type its scales were rounded to
  /// @throws FormatException when its columns do not fill whole groups, or it has a grid that is
  ///   only for calculating
  public Map<String, TensorData> encode(String name, IntegerMatrix matrix, DType scaleType) {
    requireStorable(name, matrix);
    int bits = matrix.grid().bits();
    int rows = matrix.rows();
    int groups = matrix.groupCount();
    PackedRows packed = new PackedRows(packing, bits);
    Map<String, TensorData> tensors = new LinkedHashMap<>();
    int[] words = packed.alongRows(matrix.unsigned(matrix.codes()), rows);
    add(tensors, Words32.ints(name + PACKED, words, rows, words.length / rows));
    add(tensors, Words32.floats(name + SCALE, scaleType, matrix.scales(), rows, groups));
    if (!matrix.grid().isSymmetric()) {
      int[] zeros = packed.alongColumns(matrix.unsigned(matrix.zeroPoints()), groups);
      add(tensors, Words32.ints(name + ZERO_POINT, zeros, zeros.length / groups, groups));
    }
    add(tensors, Words32.longs(name + SHAPE, rows, matrix.columns()));
    if (!Arrays.equals(matrix.groups(), regular(matrix.columns(), groups))) {
      add(tensors, Words32.ints(name + GROUPS, matrix.groups(), matrix.columns()));
    }
    return tensors;
  }

  private static void requireStorable(String name, IntegerMatrix matrix) {
    Checks.requireFormat(
        !matrix.grid().isSign(),
        "tensor %s: a symmetric grid of 1 bit cannot be packed. Use an asymmetric one, or write"
            + " decoded weights.",
        name);
    Checks.requireFormat(
        matrix.hasEqualGroups(),
        "tensor %s: %d columns do not fill groups (expected a multiple of the group size). Use a group"
            + " size that divides the width.",
        name,
        matrix.columns());
  }

  private static void add(Map<String, TensorData> tensors, TensorData tensor) {
    tensors.put(tensor.info().name(), tensor);
  }

  private static int[] regular(int columns, int groups) {
    int[] regular = new int[columns];
    Arrays.setAll(regular, column -> column / Math.max(1, columns / groups));
    return regular;
  }

  /// Reads a matrix, in whichever packing it is.
  ///
  /// @param tensors those of [#encode], by name
  /// @param name of the weight
  /// @throws FormatException when a tensor is missing or does not fit the others
  public static IntegerMatrix decode(
      Map<String, TensorData> tensors, String name, IntegerGrid grid) {
    long[] shape = Words32.longs(Words32.require(tensors, name + SHAPE, DType.I64, 2));
    Checks.requireFormat(
        shape[0] > 0
            && shape[1] > 0
            && shape[0] <= Integer.MAX_VALUE
            && shape[1] <= Integer.MAX_VALUE / shape[0],
        "tensor %s: [%d, %d] (expected the shape of a matrix)",
        name + SHAPE,
        shape[0],
        shape[1]);
    int rows = Math.toIntExact(shape[0]);
    int columns = Math.toIntExact(shape[1]);
    TensorData scale = Words32.require(tensors, name + SCALE);
    Shape steps = scale.info().shape();
    Checks.requireFormat(
        rows > 0
            && steps.rank() == 2
            && steps.dimension(0) == rows
            && steps.dimension(1) > 0
            && columns % steps.dimension(1) == 0,
        "tensor %s: shape %s (expected [%d, groups], where the groups divide %d columns)",
        scale.info().name(),
        steps,
        rows,
        columns);
    int groups = Math.toIntExact(steps.dimension(1));
    TensorData packed = Words32.require(tensors, name + PACKED);
    BitPacking packing = packing(packed, rows, columns, grid.bits());
    int[] codes = new PackedRows(packing, grid.bits()).rows(Words32.ints(packed), rows, columns);
    return new IntegerMatrix(
        grid,
        rows,
        groups(tensors, name, columns, groups),
        signed(codes, grid),
        Numbers.floats(scale),
        zeroPoints(tensors, name, grid, new Zeros(packing, rows, groups)));
  }

  private static BitPacking packing(TensorData packed, int rows, int columns, int bits) {
    Shape found = packed.info().shape();
    for (BitPacking packing : List.of(BitPacking.STREAM, BitPacking.WHOLE)) {
      if (packed.info().dtype() == DType.I32
          && found.equals(Shape.of(rows, packing.words(columns, bits)))) {
        return packing;
      }
    }
    throw FormatException.of(
        "tensor %s: %s %s (expected I32 [%d, %d], or [%d, %d] as older versions pack %d columns of %d"
            + " bits)",
        packed.info().name(),
        packed.info().dtype(),
        found,
        rows,
        BitPacking.STREAM.words(columns, bits),
        rows,
        BitPacking.WHOLE.words(columns, bits),
        columns,
        bits);
  }

  private static int[] groups(
      Map<String, TensorData> tensors, String name, int columns, int groups) {
    if (!tensors.containsKey(name + GROUPS)) {
      return regular(columns, groups);
    }
    int[] given = Words32.ints(Words32.require(tensors, name + GROUPS, DType.I32, columns));
    Checks.requireFormat(
        Arrays.stream(given).allMatch(group -> group >= 0 && group < groups)
            && Arrays.stream(given).max().orElse(-1) == groups - 1,
        "tensor %s: groups out of range (expected 0 to %d)",
        name + GROUPS,
        groups - 1);
    return given;
  }

  /// How zero points are packed.
  private record Zeros(BitPacking packing, int rows, int groups) {}

  private static byte[] zeroPoints(
      Map<String, TensorData> tensors, String name, IntegerGrid grid, Zeros zeros) {
    if (grid.isSymmetric()) {
      return new byte[zeros.rows() * zeros.groups()];
    }
    int words = zeros.packing().words(zeros.rows(), grid.bits());
    TensorData packed =
        Words32.require(tensors, name + ZERO_POINT, DType.I32, words, zeros.groups());
    PackedRows columns = new PackedRows(zeros.packing(), grid.bits());
    return signed(columns.columns(Words32.ints(packed), zeros.rows(), zeros.groups()), grid);
  }

  static byte[] signed(int[] codes, IntegerGrid grid) {
    byte[] signed = new byte[codes.length];
    for (int i = 0; i < codes.length; i++) {
      signed[i] = (byte) (codes[i] + grid.lowest());
    }
    return signed;
  }
}
