package io.moepress.formats.encoding;

/// Encodes and decodes one layout. Holds no state: one object serves all threads.
abstract class BlockCodec {
  private final int blockSize;
  private final int bytesPerBlock;

  BlockCodec(int blockSize, int bytesPerBlock) {
    this.blockSize = blockSize;
    this.bytesPerBlock = bytesPerBlock;
  }

  /// Weights in a block.
  final int blockSize() {
    return blockSize;
  }

  final int bytesPerBlock() {
    return bytesPerBlock;
  }

  /// Magnitudes from here on certainly have no encoding; smaller ones may have none either.
  float limit() {
    return 1e9f;
  }

  /// Encodes finite weights below [#limit()]; the width is a multiple of the block size.
  abstract void encode(WeightRows rows, byte[] target);

  /// Decodes the block at `at` to `values[first…]`.
  abstract void decodeBlock(byte[] source, int at, float[] values, int first);

  /// Decodes consecutive blocks.
  void decode(byte[] source, int blocks, float[] values, int first) {
    for (int block = 0; block < blocks; block++) {
      decodeBlock(source, block * bytesPerBlock, values, first + block * blockSize);
    }
  }
}
