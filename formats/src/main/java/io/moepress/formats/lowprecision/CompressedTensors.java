package io.moepress.formats.lowprecision;

import com.google.re2j.Pattern;
import com.google.re2j.PatternSyntaxException;
import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.Words;
import io.moepress.formats.integer.BitPacking;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.formats.integer.PackQuantized;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Integer weights as compressed-tensors stores them, format `pack-quantized`: each linear layer by
/// the first group of its configuration that names it. The tensors of one are told in
/// [PackQuantized].
///
/// Patterns come from strangers, so they are matched in linear time (RE2); one that needs more is
/// refused.
///
/// Source: compressed-tensors, `quantization/quant_config.py` and `utils/match.py`.
///
/// @param groups schemes and what they are for, in the order of the configuration
public record CompressedTensors(List<Group> groups) implements TensorCodec {
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final String WEIGHT = ".weight";
  private static final String REGEX = "re:";

  private static final int LONGEST_PATTERN = 512;
  private static final int MOST_BRACKETS = 32;

  /// The class of all linear layers.
  static final String LINEAR = "Linear";

  /// Layers of one scheme.
  ///
  /// @param targets names of layers, `re:` with a pattern that matches the beginning of a name, or
  ///   `Linear`
  /// @param patterns the patterns among the targets
  public record Group(List<String> targets, IntegerScheme scheme, List<Pattern> patterns) {
    public Group {
      targets = List.copyOf(targets);
      patterns = List.copyOf(patterns);
    }

    /// Layers of one scheme.
    ///
    /// @throws FormatException for a pattern that cannot be matched
    public Group(List<String> targets, IntegerScheme scheme) {
      this(targets, scheme, patterns(targets));
    }

    private static List<Pattern> patterns(List<String> targets) {
      List<Pattern> patterns = new ArrayList<>();
      for (String target : targets) {
        if (target.startsWith(REGEX)) {
          patterns.add(pattern(target.substring(REGEX.length())));
        }
      }
      return patterns;
    }

    /// Matching takes linear time whatever the pattern, but making one ready may not.
    private static Pattern pattern(String text) {
      long groups = text.chars().filter(each -> each == '(').count();
      if (text.length() > LONGEST_PATTERN || groups > MOST_BRACKETS || text.indexOf('{') >= 0) {
        throw FormatException.of(
            "config.json: %s: target %s is no name (expected a pattern of at most %d characters, with at"
                + " most %d brackets and no counted repeats)",
            SourceScheme.KEY, Words.quoted(text), LONGEST_PATTERN, MOST_BRACKETS);
      }
      try {
        return Pattern.compile(text);
      } catch (PatternSyntaxException e) {
        throw FormatException.of(
            "config.json: %s: target %s cannot be matched: %s",
            SourceScheme.KEY, Words.quoted(text), e.getDescription());
      }
    }

    private boolean names(String layer) {
      return targets.contains(layer)
          || patterns.stream().anyMatch(pattern -> pattern.matcher(layer).lookingAt());
    }
  }

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

  /// The scheme of a weight.
  ///
  /// @throws FormatException when no group names its layer
  IntegerScheme scheme(String weight) {
    String layer =
        weight.endsWith(WEIGHT) ? weight.substring(0, weight.length() - WEIGHT.length()) : weight;
    return groups.stream()
        .filter(group -> group.names(layer))
        .findFirst()
        .or(() -> groups.stream().filter(group -> group.targets().contains(LINEAR)).findFirst())
        .map(Group::scheme)
        .orElseThrow(() ->
            FormatException.of(
                "config.json: %s: no group of layers has %s, which is packed",
                SourceScheme.KEY, layer));
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
    long columns = columns(packed, scale.shape().dimension(1), scheme);
    return Shape.of(packed.shape().dimension(0), columns);
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
  public void decode(List<TensorData> parts, MemorySegment target) {
    Map<String, TensorData> tensors = new HashMap<>();
    parts.forEach(part -> tensors.put(part.info().name(), part));
    String name = whole(parts.getFirst().info());
    float[] values = PackQuantized.decode(tensors, name, scheme(name).grid()).decode();
    Checks.requireFormat(
        values.length == target.byteSize() / Float.BYTES,
        "tensor %s: %d weights (expected %d by the shape of its codes and scales)",
        name + PackQuantized.SHAPE,
        values.length,
        target.byteSize() / Float.BYTES);
    MemorySegment.copy(values, 0, target, FLOAT, 0, values.length);
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
    return place != 1 || Numbers.areFinite(part);
  }
}
