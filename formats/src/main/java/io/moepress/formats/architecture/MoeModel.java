package io.moepress.formats.architecture;

import io.moepress.formats.Checks;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import java.io.IOException;
import java.lang.foreign.Arena;

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
    Checks.requireFormat(
        checkpoint.config().value("quantization_config").isEmpty(),
        "%s: config.json has a quantization_config; quantised checkpoints cannot be read yet. Use the"
            + " BF16 or F16 original.",
        checkpoint.name());
    ModelLayout layout = ModelLayout.of(checkpoint.config());
    return new MoeModel(checkpoint, layout, TensorInventory.of(checkpoint, layout));
  }

  /// Reads the tensor of a role.
  public TensorData read(TensorId id, Arena arena) throws IOException {
    return checkpoint.read(inventory.name(id), arena);
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
