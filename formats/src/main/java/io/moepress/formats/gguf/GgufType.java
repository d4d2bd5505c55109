package io.moepress.formats.gguf;

import io.moepress.formats.Checks;
import io.moepress.formats.tensor.DType;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/// Element types of tensors in a GGUF file, by ggml's numbers. A row is a sequence of blocks, each
/// with the same number of elements and of bytes.
///
/// Numbers that are missing here were ggml types once and are read by nobody any more.
public enum GgufType {
  F32(0, 1, 4),
  F16(1, 1, 2),
  Q4_0(2, 32, 18),
  Q4_1(3, 32, 20),
  Q5_0(6, 32, 22),
  Q5_1(7, 32, 24),
  Q8_0(8, 32, 34),
  Q8_1(9, 32, 40),
  Q2_K(10, 256, 84),
  Q3_K(11, 256, 110),
  Q4_K(12, 256, 144),
  Q5_K(13, 256, 176),
  Q6_K(14, 256, 210),
  Q8_K(15, 256, 292),
  IQ2_XXS(16, 256, 66),
  IQ2_XS(17, 256, 74),
  IQ3_XXS(18, 256, 98),
  IQ1_S(19, 256, 50),
  IQ4_NL(20, 32, 18),
  IQ3_S(21, 256, 110),
  IQ2_S(22, 256, 82),
  IQ4_XS(23, 256, 136),
  I8(24, 1, 1),
  I16(25, 1, 2),
  I32(26, 1, 4),
  I64(27, 1, 8),
  F64(28, 1, 8),
  IQ1_M(29, 256, 56),
  BF16(30, 1, 2),
  TQ1_0(34, 256, 54),
  TQ2_0(35, 256, 66),
  MXFP4(39, 32, 17);

  private final int id;
  private final int blockElements;
  private final int blockBytes;

  GgufType(int id, int blockElements, int blockBytes) {
    this.id = id;
    this.blockElements = blockElements;
    this.blockBytes = blockBytes;
  }

  /// The number that stands for this type in a file.
  public int id() {
    return id;
  }

  /// Elements of a block; the width of a tensor is a multiple of it.
  public int blockElements() {
    return blockElements;
  }

  /// Bytes of a block.
  public int blockBytes() {
    return blockBytes;
  }

  /// The type of safetensors whose bytes are the same, for those in which models calculate.
  public Optional<DType> dtype() {
    return this == F32 || this == F16 || this == BF16 ? DType.named(name()) : Optional.empty();
  }

  /// Finds the type whose bytes are those of `dtype`, if models calculate in it.
  public static Optional<GgufType> of(DType dtype) {
    return named(dtype.name()).filter(type -> type.dtype().isPresent());
  }

  /// Bytes of so many elements, a multiple of the block.
  public long bytes(long elements) {
    Checks.require(
        elements % blockElements == 0, "%d elements in blocks of %d", elements, blockElements);
    return Math.multiplyExact(elements / blockElements, (long) blockBytes);
  }

  /// Finds a type by its number.
  public static Optional<GgufType> numbered(int id) {
    return Arrays.stream(values()).filter(type -> type.id == id).findFirst();
  }

  /// Finds a type by its name, in upper or lower case.
  public static Optional<GgufType> named(String name) {
    String upper = name.toUpperCase(Locale.ROOT);
    return Arrays.stream(values()).filter(type -> type.name().equals(upper)).findFirst();
  }
}
