package io.moepress.formats.integer;

import io.moepress.formats.Checks;
import io.moepress.formats.integer.IntegerGrid.Step;
import io.moepress.formats.tensor.DType;
import java.util.Arrays;
import java.util.stream.IntStream;

/// A matrix of codes of an [IntegerGrid]. The elements of a row that are in one group share scale
/// and zero point.
///
/// Arrays are not copied.
///
/// @param grid the grid
/// @param rows rows, which are outputs of a linear layer
/// @param groups the group of each column, `[columns]`
/// @param codes `[rows · columns]`, row-major
/// @param scales `[rows · groups]`, row-major
/// @param zeroPoints `[rows · groups]`, row-major
public record IntegerMatrix(
    IntegerGrid grid, int rows, int[] groups, byte[] codes, float[] scales, byte[] zeroPoints) {

  public IntegerMatrix {
    int steps = Math.multiplyExact(rows, count(groups));
    Checks.require(
        codes.length == Math.multiplyExact(rows, groups.length)
            && scales.length == steps
            && zeroPoints.length == steps,
        "%d codes, %d scales and %d zero points for %d rows of %d columns in %d groups",
        codes.length,
        scales.length,
        zeroPoints.length,
        rows,
        groups.length,
        count(groups));
  }

  /// Which elements share a scale.
  public sealed interface Sharing {

    /// All of the matrix.
    record Tensor() implements Sharing {}

    /// Those of a row.
    record Channel() implements Sharing {}

    /// Consecutive ones of a row; the last of a row may be fewer.
    ///
    /// @param size how many
    record Group(int size) implements Sharing {
      public Group {
        Checks.require(size > 0, "groups of %d columns", size);
      }
    }

    /// The group of each column of a matrix that is stored in this way.
    default int[] groups(int columns) {
      int size =
          switch (this) {
            case Tensor _, Channel _ -> Math.max(1, columns);
            case Group group -> group.size();
          };
      int[] groups = new int[columns];
      Arrays.setAll(groups, column -> column / size);
      return groups;
    }
  }

  private static int count(int[] groups) {
    return Arrays.stream(groups).max().orElse(-1) + 1;
  }

  /// Number of columns.
  public int columns() {
    return groups.length;
  }

  /// Number of groups of a row.
  public int groupCount() {
    return count(groups);
  }

  /// Whether all groups have equally many columns.
  boolean hasEqualGroups() {
    int[] members = new int[groupCount()];
    for (int group : groups) {
      members[group]++;
    }
    return Arrays.stream(members).distinct().count() <= 1;
  }

  private Step step(int index) {
    return new Step(scales[index], zeroPoints[index]);
  }

  /// Rounds a matrix to the nearest values of a grid, whose scales follow from the values.
  ///
  /// @param values finite, `[rows · columns]`, row-major
  /// @param scaleType what scales are stored as
  /// @throws io.moepress.formats.FormatException when a value is not finite
  public static IntegerMatrix encode(
      float[] values, int rows, IntegerGrid grid, Sharing sharing, DType scaleType) {
    return encode(
        values, rows, grid, sharing, (all, first, end) -> grid.step(all, first, end, scaleType));
  }

  /// The scales and zero points of [#encode] alone. All codes are 0.
  public static IntegerMatrix scales(
      float[] values, int rows, IntegerGrid grid, Sharing sharing, DType scaleType) {
    return fitted(
        values, rows, grid, sharing, (all, first, end) -> grid.step(all, first, end, scaleType));
  }

  /// Where the values of a grid should lie for some values that share a scale.
  @FunctionalInterface
  public interface Fit {
    /// Scale and zero point.
    ///
    /// @param values of all of the matrix
    /// @param first index of the first that shares them
    /// @param end behind the last
    Step of(float[] values, int first, int end);
  }

  /// Rounds a matrix to the nearest values of a grid.
  ///
  /// @param values `[rows · columns]`, row-major
  /// @param fit gives scales and zero points
  public static IntegerMatrix encode(
      float[] values, int rows, IntegerGrid grid, Sharing sharing, Fit fit) {
    IntegerMatrix matrix = fitted(values, rows, grid, sharing, fit);
    matrix.forEachRun(
        (step, first, end) -> grid.codes(values, first, end, matrix.step(step), matrix.codes));
    return matrix;
  }

  private static IntegerMatrix fitted(
      float[] values, int rows, IntegerGrid grid, Sharing sharing, Fit fit) {
    Checks.require(
        rows > 0 && values.length % rows == 0, "%d values in %d rows", values.length, rows);
    int[] groups = sharing.groups(values.length / rows);
    int steps = Math.multiplyExact(rows, count(groups));
    IntegerMatrix matrix =
        new IntegerMatrix(
            grid, rows, groups, new byte[values.length], new float[steps], new byte[steps]);
    if (sharing instanceof Sharing.Tensor) {
      Step step = fit.of(values, 0, values.length);
      Arrays.fill(matrix.scales, step.scale());
      Arrays.fill(matrix.zeroPoints, (byte) step.zeroPoint());
    } else {
      matrix.fit(values, fit);
    }
    return matrix;
  }

  private void fit(float[] values, Fit fit) {
    forEachRun((index, first, end) -> {
      Step step = fit.of(values, first, end);
      scales[index] = step.scale();
      zeroPoints[index] = (byte) step.zeroPoint();
    });
  }

  /// Takes neighbouring elements of a row that share a scale.
  private interface Run {
    /// @param step index of their scale
    /// @param first index of the first element
    /// @param end behind the last
    void take(int step, int first, int end);
  }

  private void forEachRun(Run run) {
    int[] starts = runs();
    int groupCount = groupCount();
    for (int row = 0; row < rows; row++) {
      int place = row * columns();
      for (int i = 0; i + 1 < starts.length; i++) {
        int step = row * groupCount + groups[starts[i]];
        run.take(step, place + starts[i], place + starts[i + 1]);
      }
    }
  }

  /// Where neighbouring columns of one group begin, and behind the last column.
  private int[] runs() {
    return IntStream.rangeClosed(0, columns())
        .filter(
            column -> column == 0 || column == columns() || groups[column] != groups[column - 1])
        .toArray();
  }

  /// The values, `[rows · columns]`, row-major.
  public float[] decode() {
    float[] values = new float[codes.length];
    forEachRun((index, first, end) -> {
      Step step = step(index);
      for (int i = first; i < end; i++) {
        values[i] = grid.value(codes[i], step);
      }
    });
    return values;
  }

  /// All that does not follow from scheme and shape, to be kept: codes, packed row after row, the
  /// bits of the scales, and, unless the scheme is symmetric, zero points. [IntegerWords] has the
  /// reverse.
  ///
  /// @throws IllegalArgumentException when columns are in other groups than consecutive ones
  public int[] words() {
    int length = Math.ceilDiv(columns(), groupCount());
    Checks.require(
        Arrays.equals(groups, new Sharing.Group(length).groups(columns())),
        "groups %s of columns are not consecutive",
        Arrays.toString(groups));
    int[] packed = BitPacking.STREAM.pack(codes, grid.bits());
    int[] words = Arrays.copyOf(packed, IntegerWords.count(rows, columns(), groupCount(), grid));
    for (int i = 0; i < scales.length; i++) {
      words[packed.length + i] = Float.floatToRawIntBits(scales[i]);
    }
    for (int i = 0; i < zeroPoints.length && !grid.isSymmetric(); i++) {
      words[packed.length + scales.length + i] = zeroPoints[i];
    }
    return words;
  }
}
