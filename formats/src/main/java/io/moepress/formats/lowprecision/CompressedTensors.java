package io.moepress.formats.lowprecision;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.integer.BitPacking;
import io.moepress.formats.integer.IntegerMatrix;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.formats.integer.PackQuantized;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Integer weights as compressed-tensors stores them, format `pack-quantized`: each linear layer by
/// the first group of its configuration that names it. The tensors of one are told in
/// [PackQuantized].
///
/// Source: compressed-tensors, `quantization/quant_config.py` and `utils/match.py`.
///
/// @param groups schemes and what they are for, in the order of the configuration
/// @param ignored layers that are not quantised, whatever the groups say
public record CompressedTensors(List<Group> groups, LayerNames ignored) implements IntegerCodec {
  private static final String WEIGHT = ".weight";
  private static final int SCALES = 1;
  private static final int SHAPES = 2;

  /// Layers of one scheme.
  ///
  /// @param targets which layers
  public record Group(LayerNames targets, IntegerScheme scheme) {}

  public CompressedTensors {
    groups = List.copyOf(groups);
    Checks.require(!groups.isEmpty(), "no groups of layers");
    boolean symmetric = groups.getFirst().scheme().isSymmetric();
    Checks.requireFormat(
        groups.stream().allMatch(group -> group.scheme().isSymmetric() == symmetric),
        "config.json: some groups of layers are symmetric and some are not (expected one kind)");
  }

  @Override
  public String label() {
    return "compressed-tensors, pack-quantized";
  }

  @Override
  public List<String> suffixes() {
    return suffixes(groups.getFirst().scheme());
  }

  /// What the names of the tensors of a matrix have behind the name of the weight.
  public static List<String> suffixes(IntegerScheme scheme) {
    List<String> suffixes =
        new ArrayList<>(List.of(PackQuantized.PACKED, PackQuantized.SCALE, PackQuantized.SHAPE));
    if (!scheme.isSymmetric()) {
      suffixes.add(PackQuantized.ZERO_POINT);
    }
    return suffixes;
  }

  @Override
  public DType dtype() {
    return DType.I32;
  }

  @Override
  public boolean isFirst(TensorInfo tensor) {
    return tensor.dtype() == DType.I32;
  }

  /// The scheme of a weight that is packed.
  ///
  /// @throws FormatException when no group names its layer
  IntegerScheme scheme(String weight) {
    String layer =
        weight.endsWith(WEIGHT) ? weight.substring(0, weight.length() - WEIGHT.length()) : weight;
    return group(layer)
        .map(Group::scheme)
        .orElseThrow(() ->
            FormatException.of(
                "config.json: %s: no group of layers has %s, which is packed",
                SourceScheme.KEY, layer));
  }

  private Optional<Group> group(String layer) {
    return groups.stream()
        .filter(group -> group.targets().names(layer))
        .findFirst()
        .or(() -> groups.stream().filter(group -> group.targets().namesClass()).findFirst());
  }

  @Override
  public Optional<IntegerScheme> declared(String layer) {
    return excepts(layer) ? Optional.empty() : group(layer).map(Group::scheme);
  }

  @Override
  public boolean excepts(String layer) {
    return ignored.names(layer);
  }

  private static String whole(TensorInfo packed) {
    String name = packed.name();
    return name.substring(0, name.length() - PackQuantized.PACKED.length());
  }

  @Override
  public Shape shape(List<TensorInfo> parts) {
    TensorInfo packed = parts.getFirst();
    TensorInfo scale = parts.get(1);
    IntegerScheme scheme = scheme(whole(packed));
    Checks.requireFormat(
        packed.shape().rank() == 2
            && scale.shape().rank() == 2
            && packed.shape().dimension(0) == scale.shape().dimension(0),
        "tensor %s: shape %s, and %s has %s (expected [out, words] and [out, groups])",
        packed.name(),
        packed.shape(),
        scale.name(),
        scale.shape());
    long rows = packed.shape().dimension(0);
    long groups = scale.shape().dimension(1);
    require(parts.get(SHAPES), DType.I64, List.of(Shape.of(2)));
    if (!scheme.isSymmetric()) {
      List<Shape> zeros = new ArrayList<>();
      for (BitPacking packing : BitPacking.values()) {
        zeros.add(Shape.of(packing.words(Math.toIntExact(rows), scheme.bits()), groups));
      }
      require(parts.getLast(), DType.I32, zeros);
    }
    return Shape.of(rows, columns(packed, groups, scheme));
  }

  private static void require(TensorInfo part, DType type, List<Shape> shapes) {
    if (part.dtype() != type || !shapes.contains(part.shape())) {
      throw FormatException.of(
          "tensor %s: %s %s (expected %s %s)",
          part.name(), part.dtype(), part.shape(), type, shapes.getFirst());
    }
  }

  /// Words alone do not tell how many codes of 3 bits they hold, groups do.
  private static long columns(TensorInfo packed, long groups, IntegerScheme scheme) {
    long words = packed.shape().dimension(1);
    boolean byRow = scheme.groupSize() == IntegerScheme.CHANNEL;
    Checks.requireFormat(
        words <= Integer.MAX_VALUE && groups <= Integer.MAX_VALUE,
        "tensor %s: shape %s with %d groups (expected fewer)",
        packed.name(),
        packed.shape(),
        groups);
    long columns =
        byRow
            ? words * Integer.SIZE / scheme.bits()
            : Math.multiplyExact(groups, (long) scheme.groupSize());
    boolean fits =
        columns <= Integer.MAX_VALUE
            && (groups == 1 || !byRow)
            && (words == BitPacking.STREAM.words((int) columns, scheme.bits())
                || words == BitPacking.WHOLE.words((int) columns, scheme.bits()));
    Checks.requireFormat(
        fits,
        "tensor %s: shape %s with %d groups does not fit %s",
        packed.name(),
        packed.shape(),
        groups,
        scheme);
    return columns;
  }

  @Override
  public int blockRows(List<TensorInfo> parts, int columns) {
    BitPacking packing = packing(parts).orElse(BitPacking.STREAM);
    return new PackQuantized(packing).blockRows(scheme(whole(parts.getFirst())).bits(), columns);
  }

  @Override
  public IntegerMatrix matrix(List<TensorData> parts) {
    Map<String, TensorData> tensors = new HashMap<>();
    parts.forEach(part -> tensors.put(part.info().name(), part));
    String name = whole(parts.getFirst().info());
    IntegerMatrix matrix = PackQuantized.decode(tensors, name, scheme(name).grid());
    Shape expected = shape(parts.stream().map(TensorData::info).toList());
    Checks.requireFormat(
        expected.equals(Shape.of(matrix.rows(), matrix.columns())),
        "tensor %s: [%d, %d] (expected %s by the shape of codes and scales)",
        name + PackQuantized.SHAPE,
        matrix.rows(),
        matrix.columns(),
        expected);
    return matrix;
  }

  @Override
  public Optional<BitPacking> packing(List<TensorInfo> parts) {
    TensorInfo packed = parts.getFirst();
    IntegerScheme scheme = scheme(whole(packed));
    int columns = Math.toIntExact(shape(parts).dimension(1));
    int stream = BitPacking.STREAM.words(columns, scheme.bits());
    if (Integer.SIZE % scheme.bits() == 0) {
      return Optional.empty();
    }
    return Optional.of(
        packed.shape().dimension(1) == stream ? BitPacking.STREAM : BitPacking.WHOLE);
  }

  @Override
  public long linesAtOnce(TensorInfo matrix) {
    return PackQuantized.ROWS_AT_ONCE;
  }

  @Override
  public List<TensorData> lines(List<TensorData> matrix, long first, long count) {
    int bits = scheme(whole(matrix.getFirst().info())).bits();
    return PackQuantized.rows(matrix, bits, first, count);
  }

  @Override
  public boolean isFinite(int place, TensorData part) {
    return place != SCALES || Numbers.areFinite(part);
  }

  @Override
  public boolean isSound(int place, TensorData part, Shape whole) {
    return switch (place) {
      case SCALES -> Numbers.haveNoZero(part);
      case SHAPES -> PackQuantized.isShape(part, whole);
      default -> true;
    };
  }
}
