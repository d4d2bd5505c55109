package io.moepress.formats.integer;

import io.moepress.formats.Checks;
import io.moepress.formats.integer.IntegerMatrix.Sharing;
import io.moepress.formats.tensor.DType;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// How the weights of a linear layer `[out, in]` become integers; activations stay in 16 bits.
///
/// @param bits of a code, 1 to 8
/// @param isSymmetric whether the grid is centred at 0
/// @param groupSize consecutive inputs of a row that share a scale; [#CHANNEL]: all of a row
public record IntegerScheme(int bits, boolean isSymmetric, int groupSize) {
  /// Stands for groups as long as a row.
  public static final int CHANNEL = 0;

  private static final Pattern NAME = Pattern.compile("W([1-8])A16");

  public IntegerScheme {
    Checks.require(bits >= 1 && bits <= 8, "%d bits (expected 1 to 8)", bits);
    Checks.require(groupSize >= CHANNEL, "groups of %d weights", groupSize);
  }

  /// The bits that a name such as `W4A16` stands for.
  public static Optional<Integer> bits(String name) {
    Matcher matcher = NAME.matcher(name);
    return matcher.matches() ? Optional.of(Integer.valueOf(matcher.group(1))) : Optional.empty();
  }

  /// The grid of each group.
  public IntegerGrid grid() {
    return new IntegerGrid(bits, isSymmetric);
  }

  /// Which weights share a scale.
  public Sharing sharing() {
    return groupSize == CHANNEL ? new Sharing.Channel() : new Sharing.Group(groupSize);
  }

  /// Groups of a row.
  ///
  /// @param inputs length of the row
  public long groups(long inputs) {
    return groupSize == CHANNEL ? 1 : Math.ceilDiv(inputs, groupSize);
  }

  /// Whether rows consist of whole groups.
  public boolean divides(long inputs) {
    return groupSize == CHANNEL || inputs % groupSize == 0;
  }

  /// Bits of a matrix, scales and zero points included.
  ///
  /// @param scaleType what scales are stored as
  public long storedBits(long outputs, long inputs, DType scaleType) {
    long perGroup = (long) scaleType.bits() + (isSymmetric ? 0 : bits);
    return Math.multiplyExact(outputs, inputs * bits + groups(inputs) * perGroup);
  }

  /// The same with other bits.
  public IntegerScheme withBits(int other) {
    return new IntegerScheme(other, isSymmetric, groupSize);
  }

  /// For a reader: `W4A16, groups of 128`.
  @Override
  public String toString() {
    return Checks.text(
        "W%dA16, %s%s",
        bits,
        groupSize == CHANNEL ? "a scale for each row" : "groups of " + groupSize,
        isSymmetric ? "" : ", asymmetric");
  }
}
