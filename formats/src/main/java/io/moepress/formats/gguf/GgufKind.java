package io.moepress.formats.gguf;

import java.util.Arrays;
import java.util.Optional;

/// Types of metadata values.
public enum GgufKind {
  U8(0, 1),
  I8(1, 1),
  U16(2, 2),
  I16(3, 2),
  U32(4, 4),
  I32(5, 4),
  F32(6, 4),
  BOOL(7, 1),
  STRING(8, 8),
  ARRAY(9, 12),
  U64(10, 8),
  I64(11, 8),
  F64(12, 8);

  private final int id;
  private final int leastBytes;

  GgufKind(int id, int leastBytes) {
    this.id = id;
    this.leastBytes = leastBytes;
  }

  /// The number that stands for this type in a file.
  public int id() {
    return id;
  }

  /// The fewest bytes that a value takes in a file.
  int leastBytes() {
    return leastBytes;
  }

  /// Whether values are whole numbers.
  public boolean isWhole() {
    return switch (this) {
      case U8, I8, U16, I16, U32, I32, U64, I64 -> true;
      case F32, F64, BOOL, STRING, ARRAY -> false;
    };
  }

  /// What values of this type are in Java: whole numbers are [Long] (of U64 the bits), fractions
  /// [Double].
  Class<?> javaType() {
    return switch (this) {
      case U8, I8, U16, I16, U32, I32, U64, I64 -> Long.class;
      case F32, F64 -> Double.class;
      case BOOL -> Boolean.class;
      case STRING -> String.class;
      case ARRAY -> GgufValue.Many.class;
    };
  }

  static Optional<GgufKind> numbered(int id) {
    return Arrays.stream(values()).filter(kind -> kind.id == id).findFirst();
  }
}
