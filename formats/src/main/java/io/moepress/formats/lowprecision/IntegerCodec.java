package io.moepress.formats.lowprecision;

import io.moepress.formats.integer.BitPacking;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.formats.tensor.TensorInfo;
import java.util.List;
import java.util.Optional;

/// A way to store linear layers as integers, with a configuration that says which layers are and
/// which are not.
public sealed interface IntegerCodec extends TensorCodec permits CompressedTensors, GptqTensors {

  /// The scheme that a layer has by the configuration; nothing where no part of it is about the
  /// layer. One that is excepted has none, whatever else is said of it.
  ///
  /// @param layer name of its weight without `.weight`
  Optional<IntegerScheme> declared(String layer);

  /// Whether the configuration excepts a layer.
  boolean excepts(String layer);

  /// How the codes of a weight share words; nothing where all ways are the same.
  ///
  /// @param parts those of the weight
  Optional<BitPacking> packing(List<TensorInfo> parts);
}
