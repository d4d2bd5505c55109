package io.moepress.formats.integer;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import java.util.ArrayList;
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
public record PackQuantized(BitPacking packing) implements IntegerLayout {
  /// What the name of the codes has behind that of the weight.
  public static final String PACKED = "_packed";

  /// What the name of the scales has behind that of the weight.
  public static final String SCALE = "_scale";

  /// What the name of the zero points has behind that of the weight.
  public static final String ZERO_POINT = "_zero_point";

  /// What the name of the shape has behind that of the weight.
  public static final String SHAPE = "_shape";

  /// Rows whose zero points fill words, whatever their bits and packing.
  public static final int ROWS_AT_ONCE = 480;

  private static final String GROUPS = "_g_idx";

  @Override
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

  @Override
  public DType scaleType(DType weights) {
    return weights;
  }

  @Override
  public int rowsAtOnce(int bits) {
    return packing.codesAtOnce(bits);
  }

  /// The tensors of a matrix.
  ///
  /// @param name of the weight
  /// @param scaleType the type its scales were rounded to
  /// @throws FormatException when its columns do not fill whole groups, or it has a grid that is
  ///   only for calculating
  public Map<String, TensorData> encode(String name, IntegerMatrix matrix, DType scaleType) {
    requireStorable(name, matrix);
    List<String> suffixes = new ArrayList<>(List.of(PACKED, SCALE, SHAPE));
    if (!matrix.grid().isSymmetric()) {
      suffixes.add(ZERO_POINT);
    }
    Map<String, TensorData> tensors = new LinkedHashMap<>();
    for (String suffix : suffixes) {
      tensors.put(name + suffix, part(name, matrix, scaleType, suffix));
    }
    if (!Arrays.equals(matrix.groups(), regular(matrix.columns(), matrix.groupCount()))) {
      tensors.put(name + GROUPS, Words32.ints(name + GROUPS, matrix.groups(), matrix.columns()));
    }
    return tensors;
  }

  @Override
  public void put(
      TensorInfo weight, int first, IntegerMatrix rows, Map<String, TensorData> tensors) {
    requireStorable(weight.name(), rows);
    tensors.forEach((suffix, whole) -> {
      if (suffix.equals(SHAPE)) {
        List<Long> shape = weight.shape().dimensions();
        whole.bytes().copyFrom(shape(weight.name(), shape.getFirst(), shape.getLast()).bytes());
      } else {
        TensorData part = part(weight.name(), rows, scaleType(weight.dtype()), suffix);
        long place = suffix.equals(ZERO_POINT) ? packing.words(first, rows.grid().bits()) : first;
        long count = part.info().shape().dimension(0);
        whole.rows(place, count).bytes().copyFrom(part.bytes());
      }
    });
  }

  private static TensorData shape(String name, long rows, long columns) {
    return Words32.longs(name + SHAPE, rows, columns);
  }

  @Override
  public boolean holdsCodes(String suffix) {
    return suffix.equals(PACKED);
  }

  private TensorData part(String name, IntegerMatrix matrix, DType scaleType, String suffix) {
    int rows = matrix.rows();
    int groups = matrix.groupCount();
    PackedRows packed = new PackedRows(packing, matrix.grid().bits());
    return switch (suffix) {
      case PACKED -> {
        int[] words = packed.alongRows(matrix.codes(), rows);
        yield Words32.ints(name + PACKED, words, rows, words.length / rows);
      }
      case SCALE -> Words32.floats(name + SCALE, scaleType, matrix.scales(), rows, groups);
      case ZERO_POINT -> {
        int[] zeros = packed.alongColumns(matrix.zeroPoints(), groups);
        yield Words32.ints(name + ZERO_POINT, zeros, zeros.length / groups, groups);
      }
      case SHAPE -> shape(name, rows, matrix.columns());
      default ->
          throw new IllegalArgumentException("no tensor of " + name + " ends with " + suffix);
    };
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

  private static int[] regular(int columns, int groups) {
    int[] regular = new int[columns];
    Arrays.setAll(regular, column -> column / Math.max(1, columns / groups));
    return regular;
  }

  /// Whether a tensor `NAME_shape` says that a matrix has this shape.
  public static boolean isShape(TensorData tensor, Shape shape) {
    return tensor.info().dtype() == DType.I64
        && tensor.info().shape().elementCount() == shape.rank()
        && new Shape(Arrays.stream(Words32.longs(tensor)).boxed().toList()).equals(shape);
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
    byte[] codes = new PackedRows(packing, grid.bits()).rows(Words32.ints(packed), rows, columns);
    return new IntegerMatrix(
        grid,
        rows,
        groups(tensors, name, columns, groups),
        codes,
        Numbers.floats(scale),
        zeroPoints(tensors, name, grid, new Zeros(packing, rows, groups)));
  }

  /// Some rows of a matrix, as a matrix of these rows.
  ///
  /// @param tensors codes, scales, shape, and zero points where there are any
  /// @param first a multiple of [#rowsAtOnce] of their packing, as [#ROWS_AT_ONCE] is of any
  /// @param count a multiple too, or all that are left
  /// @throws FormatException when the shape is not that of the codes
  public static List<TensorData> rows(List<TensorData> tensors, int bits, long first, long count) {
    TensorData packed = tensors.getFirst();
    TensorData shape = tensors.get(2);
    long rows = packed.info().shape().dimension(0);
    long[] extents = Words32.longs(shape);
    Checks.requireFormat(
        extents.length == 2 && extents[0] == rows,
        "tensor %s: %s (expected [%d, columns])",
        shape.info().name(),
        Arrays.toString(extents),
        rows);
    int columns = Math.toIntExact(extents[1]);
    List<TensorData> part =
        new ArrayList<>(
            List.of(
                packed.rows(first, count),
                tensors.get(1).rows(first, count),
                Words32.longs(shape.info().name(), count, columns)));
    if (tensors.size() > 3) {
      TensorData zeros = tensors.get(3);
      BitPacking packing = packing(packed, Math.toIntExact(rows), columns, bits);
      int height = packing.words(Math.toIntExact(rows), bits);
      Checks.requireFormat(
          zeros.info().shape().dimension(0) == height,
          "tensor %s: shape %s (expected %d rows, packed as the codes are)",
          zeros.info().name(),
          zeros.info().shape(),
          height);
      long word = packing.words(Math.toIntExact(first), bits);
      part.add(zeros.rows(word, packing.words(Math.toIntExact(count), bits)));
    }
    return part;
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
    return columns.columns(Words32.ints(packed), zeros.rows(), zeros.groups());
  }
}
