package io.moepress.formats.checkpoint;

import io.moepress.formats.Checks;
import io.moepress.formats.safetensors.SafetensorsFile;
import java.util.BitSet;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// What an index has said of a shard so far.
final class ListedShard {
  private final SafetensorsFile shard;
  private final BitSet listed = new BitSet(); // by the place of tensors in the order of names

  ListedShard(SafetensorsFile shard) {
    this.shard = shard;
  }

  /// Takes an entry of the index.
  ///
  /// @throws io.moepress.formats.FormatException when the shard has no such tensor, or the index
  ///   has said so before
  void list(String tensor) {
    int place = shard.place(tensor);
    Checks.requireFormat(
        place >= 0,
        "%s: tensor %s should stand in %s, but does not",
        ShardIndex.FILE,
        tensor,
        shard.path().getFileName());
    Checks.requireFormat(
        !listed.get(place), "%s: tensor %s is there twice", ShardIndex.FILE, tensor);
    listed.set(place);
  }

  /// The tensors of the shard of which the index has said nothing.
  Stream<String> unlisted() {
    return IntStream.range(0, shard.header().entries().size())
        .filter(place -> !listed.get(place))
        .mapToObj(shard::name);
  }
}
