package io.moepress.formats.gguf;

import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.lowprecision.EncodedTensor;
import io.moepress.formats.lowprecision.Mxfp4;
import io.moepress.formats.lowprecision.StoredTensors;
import io.moepress.formats.tensor.TensorInfo;

/// The types that matrices have in a checkpoint: MXFP4 where they are stored so, and otherwise that
/// of the embedding, to which all other low precision is decoded.
///
/// @param stored how the checkpoint stores its tensors
/// @param plain the type of the embedding
public record StoredTypes(StoredTensors stored, GgufType plain) implements TypeRule {

  /// The types of a model.
  ///
  /// @throws FormatException when its embedding has none that calculates
  public static StoredTypes of(MoeModel model) {
    TensorInfo embedding = model.info(TensorId.ofModel(TensorRole.EMBEDDING));
    GgufType plain =
        GgufType.of(embedding.dtype())
            .orElseThrow(() ->
                FormatException.of(
                    "tensor %s: type %s (expected F32, F16 or BF16). Name a type with --to.",
                    embedding.name(), embedding.dtype()));
    return new StoredTypes(model.inventory().stored(), plain);
  }

  private boolean hasMxfp4() {
    return stored.encoded().values().stream().anyMatch(StoredTypes::isMxfp4);
  }

  private static boolean isMxfp4(EncodedTensor tensor) {
    return tensor.codec() instanceof Mxfp4;
  }

  @Override
  public String label() {
    return hasMxfp4() ? plain + " and MXFP4" : plain.name();
  }

  @Override
  public long fileType() {
    return GgufTypes.fileType(hasMxfp4() ? GgufType.MXFP4 : plain);
  }

  @Override
  public GgufType wanted(GgufTensor tensor) {
    EncodedTensor source = stored.encoded().get(tensor.pieces().getFirst().tensor());
    return source != null && isMxfp4(source) ? GgufType.MXFP4 : plain;
  }
}
