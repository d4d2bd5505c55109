package io.moepress.formats.architecture;

/// One particular tensor of a model: a role and where it occurs.
///
/// @param role what the tensor is for
/// @param layer decoder layer, or [#NONE]
/// @param expert routed expert, or [#NONE]
public record TensorId(TensorRole role, int layer, int expert) {

  /// Stands for "not in a layer" and "not of an expert".
  public static final int NONE = -1;

  /// A tensor of the model as a whole.
  public static TensorId ofModel(TensorRole role) {
    return new TensorId(role, NONE, NONE);
  }

  /// A tensor of a layer.
  public static TensorId ofLayer(TensorRole role, int layer) {
    return new TensorId(role, layer, NONE);
  }

  /// Spreads neighbours: what a record has by itself is the same for expert 31 of a layer and
  /// expert 0 of the next.
  @Override
  public int hashCode() {
    return (role.name().hashCode() * 0x9E37_79B1 + layer) * 0x85EB_CA6B + expert * 0xC2B2_AE35;
  }
}
