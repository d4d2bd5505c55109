package io.moepress.formats.encoding;

import io.moepress.formats.Checks;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/// The encodings of ggml that we read and write, by its names.
///
/// A row of weights is a row of blocks, which know nothing of each other (except that some look at
/// the whole row to weigh errors), so that a tensor may be encoded in pieces of whole rows: the
/// bytes are the same. The layout of each stands at its codec.
///
/// ```java
/// MemorySegment bytes = BlockEncoding.Q4_K.encode(WeightRows.of(name, firstRow, width, values));
/// ```
public enum BlockEncoding {
  F32(0, new PlainCodec.F32()),
  F16(1, new PlainCodec.F16()),
  BF16(30, new PlainCodec.Bf16()),
  Q8_0(8, new Q8Codec()),
  Q4_0(2, new SymmetricCodec(4)),
  Q4_1(3, new AffineCodec(4)),
  Q5_0(6, new SymmetricCodec(5)),
  Q5_1(7, new AffineCodec(5)),
  Q2_K(10, new Q2KCodec()),
  Q3_K(11, new Q3KCodec()),
  Q4_K(12, new Q4KCodec()),
  Q5_K(13, new Q5KCodec()),
  Q6_K(14, new Q6KCodec()),
  IQ4_NL(20, new Iq4NlCodec()),
  IQ4_XS(23, new Iq4XsCodec()),
  TQ1_0(34, new Tq1Codec()),
  TQ2_0(35, new Tq2Codec()),
  MXFP4(39, new Mxfp4Codec());

  /// Blocks decoded at a time: what is copied out of the source meanwhile stays small.
  private static final int DECODED_AT_ONCE = 1024;

  private final int type;

  @SuppressWarnings("ImmutableEnumChecker") // codecs hold nothing but sizes
  private final BlockCodec codec;

  BlockEncoding(int type, BlockCodec codec) {
    this.type = type;
    this.codec = codec;
  }

  /// The number of this encoding in a GGUF file.
  public int type() {
    return type;
  }

  /// Weights in a block; the width of a matrix is a multiple of it.
  public int blockSize() {
    return codec.blockSize();
  }

  public int bytesPerBlock() {
    return codec.bytesPerBlock();
  }

  /// Bits that a weight takes, scales included.
  public double bitsPerWeight() {
    return (double) bytesPerBlock() * Byte.SIZE / blockSize();
  }

  /// Whether rows of this width are whole blocks.
  public boolean fits(long width) {
    return width % blockSize() == 0;
  }

  /// Bytes of so many weights.
  ///
  /// @throws IllegalArgumentException when they are not whole blocks
  public long byteCount(long weights) {
    Checks.require(
        fits(weights),
        "%d weights are not whole blocks of %s, %d each",
        weights,
        this,
        blockSize());
    return Math.multiplyExact(weights / blockSize(), (long) bytesPerBlock());
  }

  /// Finds an encoding by its number in a GGUF file.
  public static Optional<BlockEncoding> ofType(int type) {
    return Arrays.stream(values()).filter(encoding -> encoding.type == type).findFirst();
  }

  /// Finds an encoding by its exact name, e.g. `Q4_K`.
  public static Optional<BlockEncoding> named(String name) {
    return Arrays.stream(values()).filter(encoding -> encoding.name().equals(name)).findFirst();
  }

  /// Encodes whole rows.
  ///
  /// @return bytes on the heap
  /// @throws IllegalArgumentException when the width is no multiple of the block size, or a weight
  ///   is not finite or too large; the message names the place
  public MemorySegment encode(WeightRows rows) {
    Checks.require(
        fits(rows.width()),
        "%s: rows of %d weights, but %s has blocks of %d. Of the encodings, these fit: %s.",
        rows.name(),
        rows.width(),
        this,
        blockSize(),
        fitting(rows.width()));
    float limit = codec.limit();
    if (!(rows.largestMagnitude() < limit)) {
      throw beyond(rows, limit);
    }
    byte[] target = new byte[Math.toIntExact(byteCount(rows.values().length))];
    codec.encode(rows, target);
    return MemorySegment.ofArray(target);
  }

  private static String fitting(int width) {
    return Arrays.stream(values())
        .filter(encoding -> encoding.fits(width))
        .map(BlockEncoding::name)
        .collect(Collectors.joining(", "));
  }

  private IllegalArgumentException beyond(WeightRows rows, float limit) {
    int index = rows.firstBeyond(limit);
    float value = rows.values()[index];
    if (Float.isFinite(value)) {
      return new IllegalArgumentException(
          Checks.text(
              "%s: %s is too large for %s. Keep this tensor as F32, or use MXFP4.",
              rows.place(index), value, this));
    }
    return new IllegalArgumentException(
        Checks.text(
            "%s: %s (expected finite weights). The checkpoint is damaged or diverged in training;"
                + " get a sound copy.",
            rows.place(index), value));
  }

  /// Decodes consecutive blocks in float32, exactly as ggml's Python reader does.
  ///
  /// @param blocks whole blocks, e.g. some rows of a mapped file
  /// @throws IllegalArgumentException when they are not whole blocks
  public float[] decode(MemorySegment blocks) {
    long count = blocks.byteSize() / bytesPerBlock();
    Checks.require(
        count * bytesPerBlock() == blocks.byteSize(),
        "%d bytes are not whole blocks of %s, %d bytes each",
        blocks.byteSize(),
        this,
        bytesPerBlock());
    float[] values = new float[Math.toIntExact(Math.multiplyExact(count, (long) blockSize()))];
    byte[] piece = new byte[(int) Math.min(count, DECODED_AT_ONCE) * bytesPerBlock()];
    MemorySegment copy = MemorySegment.ofArray(piece);
    for (long block = 0; block < count; block += DECODED_AT_ONCE) {
      int taken = (int) Math.min(count - block, DECODED_AT_ONCE);
      long bytes = (long) taken * bytesPerBlock();
      MemorySegment.copy(blocks, block * bytesPerBlock(), copy, 0, bytes);
      codec.decode(piece, taken, values, (int) block * blockSize());
    }
    return values;
  }
}
