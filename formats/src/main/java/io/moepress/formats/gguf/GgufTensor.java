package io.moepress.formats.gguf;

import io.moepress.formats.Checks;
import io.moepress.formats.tensor.Shape;
import java.util.List;

/// A tensor as it will be in a GGUF file, whatever its type there.
///
/// @param name name in the file
/// @param shape extent, outermost first
/// @param pieces its rows, from the first to the last
public record GgufTensor(String name, Shape shape, List<Piece> pieces) {

  public GgufTensor {
    pieces = List.copyOf(pieces);
    long elements = pieces.stream().mapToLong(Piece::elementCount).sum();
    Checks.require(
        elements == shape.elementCount(),
        "tensor %s: %d elements in pieces, %s",
        name,
        elements,
        shape);
  }

  /// Elements of a row, the innermost extent.
  public long width() {
    return shape.dimension(shape.rank() - 1);
  }
}
