package io.moepress.formats.architecture;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.Architecture.Orientation;
import io.moepress.formats.architecture.Architecture.Storage;
import io.moepress.formats.tensor.Shape;
import org.jspecify.annotations.Nullable;

/// The matrices of linear maps `y = W x` that a tensor holds.
///
/// @param matrices how many: 1, or one for each expert
/// @param outputs length of `y`
/// @param inputs length of `x`
/// @param stacked which axis of each matrix comes first where the tensor holds one for each expert;
///   null: it is one matrix, output first
public record LinearShape(int matrices, long outputs, long inputs, @Nullable Orientation stacked) {

  /// What the weight of a linear map holds.
  ///
  /// @throws IllegalArgumentException when the role is none
  public static LinearShape of(MoeModel model, TensorId id) {
    Checks.require(LinearInput.of(id.role()).isPresent(), "%s is no linear map", id.role());
    Shape shape = model.info(id).shape();
    if (shape.rank() == 2) {
      return new LinearShape(1, shape.dimension(0), shape.dimension(1), null);
    }
    Orientation orientation =
        model.layout().storage().map(Storage::orientation).orElse(Orientation.OUTPUT_FIRST);
    int matrices = Math.toIntExact(shape.dimension(0));
    return switch (orientation) {
      case OUTPUT_FIRST ->
          new LinearShape(matrices, shape.dimension(1), shape.dimension(2), orientation);
      case INPUT_FIRST ->
          new LinearShape(matrices, shape.dimension(2), shape.dimension(1), orientation);
    };
  }

  /// Number of weights.
  public long weights() {
    return Math.multiplyExact(matrices, Math.multiplyExact(outputs, inputs));
  }
}
