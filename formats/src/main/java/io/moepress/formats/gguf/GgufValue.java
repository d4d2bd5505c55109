package io.moepress.formats.gguf;

import io.moepress.formats.Checks;
import java.util.List;

/// A value of a file's metadata.
public sealed interface GgufValue {

  /// A single value.
  ///
  /// @param kind any type but an array
  /// @param value whole numbers as [Long] (of U64 the bits), fractions as [Double], and [Boolean]
  ///   or [String]
  record One(GgufKind kind, Object value) implements GgufValue {
    public One {
      requireFitting(kind, value);
    }
  }

  /// An array; arrays of arrays are not allowed.
  ///
  /// @param kind type of the items
  /// @param items as for [One]
  record Many(GgufKind kind, List<Object> items) implements GgufValue {
    public Many {
      items = List.copyOf(items);
      for (Object item : items) {
        requireFitting(kind, item);
      }
    }
  }

  private static void requireFitting(GgufKind kind, Object value) {
    Checks.require(
        kind != GgufKind.ARRAY && kind.javaType().isInstance(value),
        "%s is no value of type %s",
        value,
        kind);
  }

  /// A count: U32, as llama.cpp wants counts, or it does not load the file.
  static GgufValue count(long value) {
    Checks.require(value >= 0 && value <= 0xFFFF_FFFFL, "%d is no U32", value);
    return new One(GgufKind.U32, value);
  }

  /// A fraction: F32.
  static GgufValue number(double value) {
    return new One(GgufKind.F32, (double) (float) value);
  }

  /// A flag.
  static GgufValue flag(boolean value) {
    return new One(GgufKind.BOOL, value);
  }

  /// A text.
  static GgufValue text(String value) {
    return new One(GgufKind.STRING, value);
  }

  /// An array of texts.
  static GgufValue texts(List<String> values) {
    return new Many(GgufKind.STRING, List.copyOf(values));
  }

  /// The value as people read it: of an array the type and the length.
  default String shown() {
    return switch (this) {
      case One one when one.kind() == GgufKind.U64 -> Long.toUnsignedString((Long) one.value());
      case One one -> String.valueOf(one.value());
      case Many many -> many.items().size() + " x " + many.kind();
    };
  }
}
