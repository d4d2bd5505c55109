package io.moepress.formats.architecture;

import io.moepress.formats.Checks;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.List;

/// A checkpoint that is understood: every tensor has its role.
///
/// @param checkpoint the bytes
/// @param layout architecture and dimensions
/// @param inventory names by role
public record MoeModel(Checkpoint checkpoint, ModelLayout layout, TensorInventory inventory) {

  /// Recognises a checkpoint.
  ///
  /// @throws io.moepress.formats.FormatException for an unknown architecture, or tensors that do
  ///   not fit the configuration
  public static MoeModel of(Checkpoint checkpoint) {
    return of(checkpoint, ArchitectureCatalog.of(checkpoint.config()));
  }

  /// Recognises a checkpoint of a given architecture, in whichever way it stores its experts.
  ///
  /// @throws io.moepress.formats.FormatException for tensors that do not fit the configuration
  public static MoeModel of(Checkpoint checkpoint, Architecture architecture) {
    Checks.requireFormat(
        checkpoint.config().value("quantization_config").isEmpty(),
        "%s: config.json has a quantization_config; quantised checkpoints cannot be read yet. Use the"
            + " BF16 or F16 original.",
        checkpoint.name());
    return StorageChoice.match(checkpoint, ModelLayout.of(architecture, checkpoint.config()));
  }

  /// Reads the tensor of a role.
  public TensorData read(TensorId id, Arena arena) throws IOException {
    return checkpoint.read(inventory.name(id), arena);
  }

  /// Reads one index along axis 0 of the tensor of a role, and no other, as a tensor with one
  /// dimension less, `name[index]`.
  public TensorData readSlice(TensorId id, int index, Arena arena) throws IOException {
    TensorData row = checkpoint.readRows(inventory.name(id), index, 1, arena);
    List<Long> dimensions = row.info().shape().dimensions();
    TensorInfo slice =
        new TensorInfo(
            row.info().name() + "[" + index + "]",
            row.info().dtype(),
            new Shape(dimensions.subList(1, dimensions.size())));
    return new TensorData(slice, row.bytes());
  }

  /// Type and shape of the tensor of a role.
  public TensorInfo info(TensorId id) {
    TensorInfo info = checkpoint.tensors().get(inventory.name(id));
    if (info == null) {
      throw new IllegalArgumentException("no tensor " + id);
    }
    return info;
  }
}
