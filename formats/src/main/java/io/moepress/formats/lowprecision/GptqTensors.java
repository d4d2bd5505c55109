package io.moepress.formats.lowprecision;

import com.google.re2j.Pattern;
import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.integer.BitPacking;
import io.moepress.formats.integer.GptqLayout;
import io.moepress.formats.integer.IntegerMatrix;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Integer weights as GPTQModel and AutoGPTQ store them: one scheme for all linear layers, with
/// exceptions. The tensors of one are told in [GptqLayout].
///
/// Source: GPTQModel, `quantization/config.py`; exceptions match the beginning of a name, and the
/// first that does counts.
///
/// @param layout how zero points are stored
/// @param scheme of all layers that no exception is about
/// @param ordersColumns whether columns are in other groups than their neighbours (`desc_act`)
/// @param exceptions layers of other schemes, or of none
/// @param listed what the names of quantised layers end with; empty: all are
public record GptqTensors(
    GptqLayout layout,
    IntegerScheme scheme,
    boolean ordersColumns,
    List<Exemption> exceptions,
    List<String> listed)
    implements IntegerCodec {
  private static final String WEIGHT = ".weight";
  private static final int ZEROS = 1;
  private static final int SCALES = 2;
  private static final int GROUPS = 3;
  private static final List<DType> SCALE_TYPES = List.of(DType.F16, DType.BF16, DType.F32);

  public GptqTensors {
    exceptions = List.copyOf(exceptions);
    listed = List.copyOf(listed);
  }

  /// Layers that are not like all others.
  ///
  /// @param names matches the beginning of their names
  /// @param name the only name that it matches; empty: there may be others
  /// @param scheme theirs; empty: they are not quantised
  public record Exemption(Pattern names, Optional<String> name, Optional<IntegerScheme> scheme) {
    private static final Pattern ONE_NAME =
        Pattern.compile("\\^([A-Za-z0-9_-]|\\[[.]\\]|\\\\[.])+\\$");

    /// Layers whose names begin as a pattern says.
    public Exemption(Pattern names, Optional<IntegerScheme> scheme) {
      this(names, only(names.pattern()), scheme);
    }

    private static Optional<String> only(String pattern) {
      return ONE_NAME.matches(pattern)
          ? Optional.of(
              pattern.substring(1, pattern.length() - 1).replace("[.]", ".").replace("\\.", "."))
          : Optional.empty();
    }

    /// There may be hundreds of them for each of thousands of layers: most are one name.
    private boolean matches(String layer) {
      return name.isPresent() ? name.get().equals(layer) : names.matcher(layer).lookingAt();
    }
  }

  @Override
  public String label() {
    return "the layout of GPTQ";
  }

  @Override
  public List<String> suffixes() {
    return List.of(GptqLayout.CODES, GptqLayout.ZEROS, GptqLayout.SCALES, GptqLayout.GROUPS);
  }

  @Override
  public String part(String whole, String suffix) {
    return layer(whole) + suffix;
  }

  @Override
  public Optional<String> whole(String part, String suffix) {
    return part.endsWith(suffix)
        ? Optional.of(part.substring(0, part.length() - suffix.length()) + WEIGHT)
        : Optional.empty();
  }

  private static String layer(String weight) {
    return weight.substring(0, weight.length() - WEIGHT.length());
  }

  @Override
  public DType dtype() {
    return DType.I32;
  }

  @Override
  public boolean isFirst(TensorInfo tensor) {
    return tensor.dtype() == DType.I32;
  }

  private Optional<Exemption> exception(String layer) {
    return exceptions.stream().filter(each -> each.matches(layer)).findFirst();
  }

  @Override
  public Optional<IntegerScheme> declared(String layer) {
    return excepts(layer) ? Optional.empty() : Optional.of(scheme(layer));
  }

  @Override
  public boolean excepts(String layer) {
    Optional<Exemption> exception = exception(layer);
    return exception.isPresent()
        ? exception.get().scheme().isEmpty()
        : !listed.isEmpty() && listed.stream().noneMatch(end -> layer.endsWith("." + end));
  }

  /// The scheme of a layer that is quantised, whatever else is said of it.
  private IntegerScheme scheme(String layer) {
    return exception(layer).flatMap(Exemption::scheme).orElse(scheme);
  }

  @Override
  public Optional<BitPacking> packing(List<TensorInfo> parts) {
    return Optional.empty();
  }

  private static String layer(TensorInfo codes) {
    return codes.name().substring(0, codes.name().length() - GptqLayout.CODES.length());
  }

  @Override
  public Shape shape(List<TensorInfo> parts) {
    TensorInfo codes = parts.getFirst();
    Shape groups = parts.get(GROUPS).shape();
    TensorInfo scales = parts.get(SCALES);
    Checks.requireFormat(
        groups.rank() == 1
            && scales.shape().rank() == 2
            && groups.dimension(0) <= Integer.MAX_VALUE
            && scales.shape().dimension(1) <= Integer.MAX_VALUE
            && SCALE_TYPES.contains(scales.dtype()),
        "tensor %s: shape %s, and %s is %s %s (expected [in] and F16 [groups, out])",
        parts.get(GROUPS).name(),
        groups,
        scales.name(),
        scales.dtype(),
        scales.shape());
    int inputs = Math.toIntExact(groups.dimension(0));
    int outputs = Math.toIntExact(scales.shape().dimension(1));
    String layer = layer(codes);
    IntegerScheme own = scheme(layer);
    GptqLayout.problem(outputs, inputs, own.bits())
        .ifPresent(problem -> {
          throw FormatException.of("layer %s: %s", layer, problem);
        });
    Shape weight = Shape.of(outputs, inputs);
    Map<String, TensorInfo> expected =
        layout.layout(new TensorInfo(layer + WEIGHT, scales.dtype(), weight), own);
    for (int place = 0; place < parts.size(); place++) {
      TensorInfo wanted = expected.get(suffixes().get(place));
      TensorInfo part = parts.get(place);
      if (wanted == null
          || !part.shape().equals(wanted.shape())
          || (place != SCALES && part.dtype() != wanted.dtype())) {
        throw FormatException.of(
            "tensor %s: %s %s does not fit a layer %s in %s",
            part.name(), part.dtype(), part.shape(), weight, own);
      }
    }
    return weight;
  }

  @Override
  public int blockRows(List<TensorInfo> parts, int columns) {
    return layout.blockRows(scheme(layer(parts.getFirst())).bits(), columns);
  }

  @Override
  public IntegerMatrix matrix(List<TensorData> parts) {
    Map<String, TensorData> tensors = new HashMap<>();
    parts.forEach(part -> tensors.put(part.info().name(), part));
    String layer = layer(parts.getFirst().info());
    return layout.decode(tensors, layer, scheme(layer).bits());
  }

  @Override
  public long linesAtOnce(TensorInfo matrix) {
    return layout.rowsAtOnce(scheme(layer(matrix.name())).bits());
  }

  @Override
  public List<TensorData> lines(List<TensorData> matrix, long first, long count) {
    int bits = scheme(layer(matrix.getFirst().info())).bits();
    return GptqLayout.rows(matrix, bits, first, count);
  }

  @Override
  public boolean isFinite(int place, TensorData part) {
    return place != SCALES || Numbers.areFinite(part);
  }

  /// Where the configuration says so, zero points are all the same, and columns in the groups of
  /// their neighbours: runtimes then do not look at these tensors.
  @Override
  public boolean isSound(int place, TensorData part, Shape whole) {
    String name = part.info().name();
    String suffix = suffixes().get(place);
    IntegerScheme own = scheme(name.substring(0, name.length() - suffix.length()));
    return switch (place) {
      case ZEROS -> !own.isSymmetric() || layout.isCentred(part, own.bits());
      case SCALES -> Numbers.haveNoZero(part);
      case GROUPS ->
          GptqLayout.isGroupIndex(part, Math.toIntExact(whole.dimension(1)), own, ordersColumns);
      default -> true;
    };
  }
}
