package io.moepress.formats.tensor;

import io.moepress.formats.Checks;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/// The extent of a tensor, outermost dimension first. A shape without dimensions is a scalar.
///
/// @param dimensions non-negative extents
public record Shape(List<Long> dimensions) {

  public Shape {
    dimensions = List.copyOf(dimensions);
    for (long dimension : dimensions) {
      Checks.require(dimension >= 0, "shape %s: negative dimension", dimensions);
    }
  }

  /// Makes a shape from its extents.
  public static Shape of(long... dimensions) {
    return new Shape(Arrays.stream(dimensions).boxed().toList());
  }

  /// Number of dimensions.
  public int rank() {
    return dimensions.size();
  }

  /// Extent along `axis`.
  public long dimension(int axis) {
    return dimensions.get(axis);
  }

  /// Number of elements; an [ArithmeticException] when it does not fit a `long`.
  public long elementCount() {
    long count = 1;
    for (long dimension : dimensions) {
      count = Math.multiplyExact(count, dimension);
    }
    return count;
  }

  /// The same shape with another extent along axis 0.
  public Shape withRows(long rows) {
    Checks.require(rank() > 0, "a scalar has no rows");
    Long[] changed = dimensions.toArray(Long[]::new);
    changed[0] = rows;
    return new Shape(List.of(changed));
  }

  @Override
  public String toString() {
    return dimensions.stream().map(String::valueOf).collect(Collectors.joining(", ", "[", "]"));
  }
}
