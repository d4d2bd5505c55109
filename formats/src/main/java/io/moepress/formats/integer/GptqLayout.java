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
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/// The layout of GPTQ checkpoints: a linear layer's weight `[out, in]` of `b` bits is stored as
///
/// | tensor         | type, shape                 |                                              |
/// |----------------|-----------------------------|----------------------------------------------|
/// | `NAME.qweight` | I32 `[in · b / 32, out]`    | unsigned codes, packed along `in`            |
/// | `NAME.qzeros`  | I32 `[groups, out · b / 32]`| unsigned zero points, packed along `out`     |
/// | `NAME.scales`  | F16 `[groups, out]`         |                                              |
/// | `NAME.g_idx`   | I32 `[in]`                  | the group of each input                      |
///
/// An unsigned code is the signed one plus `2^(b-1)`. Version 1, `checkpoint_format: gptq` and the
/// default, stores zero points less 1; version 2, `gptq_v2`, as they are. Codes share words as in
/// [BitPacking#STREAM].
///
/// Source: AutoGPTQ, `nn_modules/qlinear`; GPTQModel, `utils/model.py`.
///
/// @param version of the layout
public record GptqLayout(Version version) implements IntegerLayout {
  /// Bits of codes that there is a layout for.
  public static final Set<Integer> WIDTHS = Set.of(2, 3, 4, 8);

  private static final String WEIGHT = ".weight";

  /// What the name of the codes has behind that of the layer.
  public static final String CODES = ".qweight";

  /// What the name of the zero points has behind that of the layer.
  public static final String ZEROS = ".qzeros";

  /// What the name of the scales has behind that of the layer.
  public static final String SCALES = ".scales";

  /// What the name of the groups of columns has behind that of the layer.
  public static final String GROUPS = ".g_idx";

  /// The smallest number above 0 that an F16 can hold.
  private static final float SMALLEST_SCALE = 0x1p-24f;

  /// What is stored for a zero point.
  public enum Version {
    /// The zero point less 1.
    V1,
    /// The zero point.
    V2;

    /// The name in `checkpoint_format`.
    public String label() {
      return switch (this) {
        case V1 -> "gptq";
        case V2 -> "gptq_v2";
      };
    }

    /// The version that has a place for all zero points of a scheme, the older if both have.
    public static Version of(IntegerScheme scheme) {
      return scheme.isSymmetric() ? V1 : V2;
    }
  }

  @Override
  public SortedMap<String, TensorInfo> layout(TensorInfo weight, IntegerScheme scheme) {
    long rows = weight.shape().dimension(0);
    long columns = weight.shape().dimension(1);
    long groups = scheme.groups(columns);
    Shape codes = Shape.of(columns * scheme.bits() / Integer.SIZE, rows);
    Shape zeros = Shape.of(groups, rows * scheme.bits() / Integer.SIZE);
    String name = layer(weight.name());
    SortedMap<String, TensorInfo> layout = new TreeMap<>();
    layout.put(CODES, new TensorInfo(name + CODES, DType.I32, codes));
    layout.put(ZEROS, new TensorInfo(name + ZEROS, DType.I32, zeros));
    layout.put(SCALES, new TensorInfo(name + SCALES, DType.F16, Shape.of(groups, rows)));
    layout.put(GROUPS, new TensorInfo(name + GROUPS, DType.I32, Shape.of(columns)));
    return layout;
  }

  private static String layer(String weight) {
    Checks.require(weight.endsWith(WEIGHT), "tensor %s is no weight of a linear layer", weight);
    return weight.substring(0, weight.length() - WEIGHT.length());
  }

  @Override
  public DType scaleType(DType weights) {
    return DType.F16;
  }

  @Override
  public int rowsAtOnce(int bits) {
    return BitPacking.STREAM.codesAtOnce(bits);
  }

  /// Rows are outputs, which are columns of the tensors.
  @Override
  public void put(
      TensorInfo weight, int first, IntegerMatrix rows, Map<String, TensorData> tensors) {
    String name = layer(weight.name());
    int bits = rows.grid().bits();
    requireStorable(name, weight.shape().dimension(0), rows.columns(), bits);
    Map<String, TensorData> parts = encode(name, rows);
    tensors.forEach((suffix, whole) -> {
      TensorData part = Words32.require(parts, name + suffix);
      switch (suffix) {
        case CODES, SCALES -> Words32.putColumns(part, whole, first);
        case ZEROS -> Words32.putColumns(part, whole, BitPacking.STREAM.words(first, bits));
        default -> whole.bytes().copyFrom(part.bytes()); // columns are in the groups of any row
      }
    });
  }

  private int lessBy() {
    return switch (version) {
      case V1 -> 1;
      case V2 -> 0;
    };
  }

  /// The tensors of a matrix.
  ///
  /// @param name of the linear layer
  /// @throws FormatException when its extents do not fill whole words, its width is none of 2, 3, 4
  ///   and 8 bits, or version 1 would have to store a zero point of -1
  public Map<String, TensorData> encode(String name, IntegerMatrix matrix) {
    int bits = matrix.grid().bits();
    int rows = matrix.rows();
    int columns = matrix.columns();
    int groups = matrix.groupCount();
    requireStorable(name, rows, columns, bits);
    PackedRows packed = new PackedRows(BitPacking.STREAM, bits);
    byte[] zeros = matrix.zeroPoints().clone();
    for (int i = 0; i < zeros.length; i++) {
      Checks.requireFormat(
          zeros[i] - lessBy() >= matrix.grid().lowest(),
          "layer %s: a zero point of 0 has no place in version 1 of the layout. Use version 2, or a"
              + " symmetric grid.",
          name);
      zeros[i] -= (byte) lessBy();
    }
    Map<String, TensorData> tensors = new LinkedHashMap<>();
    int[] words = packed.alongColumns(PackedRows.transposed(matrix.codes(), columns), rows);
    add(tensors, Words32.ints(name + CODES, words, words.length / rows, rows));
    int[] zeroWords = packed.alongRows(PackedRows.transposed(zeros, groups), groups);
    add(tensors, Words32.ints(name + ZEROS, zeroWords, groups, zeroWords.length / groups));
    float[] scales = transposed(matrix.scales(), groups);
    for (int i = 0; i < scales.length; i++) {
      scales[i] = Math.max(scales[i], SMALLEST_SCALE); // a group without weights keeps its zeros
    }
    add(tensors, Words32.floats(name + SCALES, DType.F16, scales, groups, rows));
    add(tensors, Words32.ints(name + GROUPS, matrix.groups(), columns));
    return tensors;
  }

  /// Some rows of a matrix, as a matrix of these rows. They are columns of its tensors.
  ///
  /// @param tensors codes, zero points, scales and groups
  /// @param first a multiple of [#rowsAtOnce]
  /// @param count a multiple too, or all that are left
  public static List<TensorData> rows(List<TensorData> tensors, int bits, long first, long count) {
    return List.of(
        Words32.columns(tensors.get(0), first, count),
        Words32.columns(tensors.get(1), first * bits / Integer.SIZE, count * bits / Integer.SIZE),
        Words32.columns(tensors.get(2), first, count),
        tensors.get(3));
  }

  private static void requireStorable(String name, long rows, long columns, int bits) {
    problem(rows, columns, bits)
        .ifPresent(problem -> {
          throw FormatException.of("layer %s: %s. Keep it as it is.", name, problem);
        });
  }

  /// Why a matrix has no place in this layout; nothing when it has.
  ///
  /// @param rows outputs of the linear layer
  /// @param columns its inputs
  public static Optional<String> problem(long rows, long columns, int bits) {
    if (!WIDTHS.contains(bits)) {
      return Optional.of(bits + " bits (expected one of 2, 3, 4 and 8)");
    }
    return rows * bits % Integer.SIZE == 0 && columns * bits % Integer.SIZE == 0
        ? Optional.empty()
        : Optional.of(
            Checks.text(
                "%d outputs and %d inputs of %d bits (expected both to fill words of 32 bits)",
                rows, columns, bits));
  }

  /// Whether all zero points are those of a symmetric grid.
  ///
  /// @param zeros a tensor `NAME.qzeros`, or rows of it
  public boolean isCentred(TensorData zeros, int bits) {
    Shape shape = zeros.info().shape();
    int rows = Math.toIntExact(shape.dimension(0));
    int count = Math.toIntExact(shape.dimension(1) * Integer.SIZE / bits);
    byte[] stored = new PackedRows(BitPacking.STREAM, bits).rows(Words32.ints(zeros), rows, count);
    byte[] centred = new byte[stored.length];
    Arrays.fill(centred, (byte) -lessBy());
    return Arrays.equals(stored, centred);
  }

  /// Whether a tensor `NAME.g_idx` gives each column a group that is there.
  ///
  /// @param columns of the matrix
  /// @param anyOrder whether columns may be in other groups than their neighbours
  public static boolean isGroupIndex(
      TensorData index, int columns, IntegerScheme scheme, boolean anyOrder) {
    int[] given = Words32.ints(index);
    long groups = scheme.groups(columns);
    return given.length == columns
        && (anyOrder
            ? Arrays.stream(given).allMatch(group -> group >= 0 && group < groups)
            : Arrays.equals(given, scheme.sharing().groups(columns)));
  }

  private static void add(Map<String, TensorData> tensors, TensorData tensor) {
    tensors.put(tensor.info().name(), tensor);
  }

  private static float[] transposed(float[] values, int columns) {
    int rows = values.length / columns;
    float[] result = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      result[i % columns * rows + i / columns] = values[i];
    }
    return result;
  }

  /// Reads a matrix. A symmetric one comes back as an asymmetric one with equal zero points, as the
  /// layout stores them.
  ///
  /// @param tensors those of [#encode], by name
  /// @param name of the linear layer
  /// @throws FormatException when a tensor is missing or does not fit the others
  public IntegerMatrix decode(Map<String, TensorData> tensors, String name, int bits) {
    IntegerGrid grid = new IntegerGrid(bits, false);
    TensorData scales = Words32.require(tensors, name + SCALES);
    TensorData index = Words32.require(tensors, name + GROUPS);
    Checks.requireFormat(
        scales.info().shape().rank() == 2 && index.info().shape().rank() == 1,
        "layer %s: scales %s and g_idx %s (expected [groups, out] and [in])",
        name,
        scales.info().shape(),
        index.info().shape());
    int groups = Math.toIntExact(scales.info().shape().dimension(0));
    int rows = Math.toIntExact(scales.info().shape().dimension(1));
    int columns = Math.toIntExact(index.info().shape().dimension(0));
    requireStorable(name, rows, columns, bits);
    TensorData codes =
        Words32.require(tensors, name + CODES, DType.I32, (long) columns * bits / 32, rows);
    TensorData zeros =
        Words32.require(tensors, name + ZEROS, DType.I32, groups, (long) rows * bits / 32);
    PackedRows packed = new PackedRows(BitPacking.STREAM, bits);
    byte[] inputsFirst = packed.columns(Words32.ints(codes), columns, rows);
    byte[] zeroPoints = packed.rows(Words32.ints(zeros), groups, rows);
    for (int i = 0; i < zeroPoints.length; i++) {
      zeroPoints[i] = next(zeroPoints[i], grid);
    }
    return new IntegerMatrix(
        grid,
        rows,
        groups(name, Words32.ints(index), groups),
        PackedRows.transposed(inputsFirst, rows),
        transposed(Numbers.floats(scales), rows),
        PackedRows.transposed(zeroPoints, rows));
  }

  /// A zero point as it is calculated with. Behind the largest comes the smallest.
  private byte next(byte stored, IntegerGrid grid) {
    int zero = stored + lessBy();
    return (byte) (zero > grid.highest() ? grid.lowest() : zero);
  }

  private static int[] groups(String name, int[] given, int groups) {
    Checks.requireFormat(
        Arrays.stream(given).allMatch(group -> group >= 0 && group < groups)
            && Arrays.stream(given).max().orElse(-1) == groups - 1,
        "tensor %s: groups out of range (expected 0 to %d)",
        name + GROUPS,
        groups - 1);
    return given;
  }
}
