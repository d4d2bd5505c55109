package io.moepress.formats.architecture;

import io.moepress.formats.checkpoint.Checkpoint;
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
    return StorageChoice.match(checkpoint, ModelLayout.of(architecture, checkpoint.config()));
  }

  /// Reads the tensor of a role. One in low precision is decoded to F32.
  public TensorData read(TensorId id, Arena arena) throws IOException {
    return inventory.stored().read(checkpoint, inventory.name(id), arena);
  }

  /// Reads one index along axis 0 of the tensor of a role, and no other, as a tensor with one
  /// dimension less, `name[index]`. One in low precision is decoded to F32.
  public TensorData readSlice(TensorId id, int index, Arena arena) throws IOException {
    return inventory.stored().readSlice(checkpoint, inventory.name(id), index, arena);
  }

  /// Type and shape of the tensor of a role. One in low precision has the type of its numbers as
  /// stored, and the shape of what they stand for.
  public TensorInfo info(TensorId id) {
    return inventory.stored().info(inventory.name(id));
  }

  /// The tensors of the checkpoint that hold the tensor of a role: itself, or, in low precision,
  /// its parts, whose names begin with its own. Whoever moves bytes needs these.
  public List<TensorInfo> parts(TensorId id) {
    return inventory.stored().parts(inventory.name(id));
  }

  /// Elements of all tensors together, those for multi-token prediction included.
  public long parameterCount() {
    return inventory.stored().parameterCount();
  }
}
