package io.moepress.formats.gguf;

import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.encoding.BlockEncoding;
import io.moepress.formats.encoding.WeightRows;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Turns a piece of a checkpoint's tensor into the bytes of a GGUF type. Bytes of the same type
/// stay as they are.
public final class PieceEncoder {
  private PieceEncoder() {}

  /// The types that this can make.
  public static List<GgufType> types() {
    return Arrays.stream(BlockEncoding.values())
        .map(encoding -> GgufType.named(encoding.name()).orElseThrow())
        .toList();
  }

  /// The bytes of `piece` as `type`. What the model stores in MXFP4 and is to have it is only
  /// arranged anew.
  ///
  /// @param importance how much errors in a column count, `[columns]`; null: all alike
  /// @throws FormatException for a value that is not finite, or does not fit the type
  public static byte[] encode(
      MoeModel model, Piece piece, GgufType type, float @Nullable [] importance)
      throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      return type == GgufType.MXFP4 && Mxfp4Blocks.holds(model, piece)
          ? Mxfp4Blocks.read(model, piece, arena)
          : encode(piece.read(model, arena), type, importance);
    }
  }

  /// The bytes of `piece` as `type`.
  ///
  /// @param piece `[rows, columns]`
  /// @param importance how much errors in a column count, `[columns]`; null: all alike
  /// @throws FormatException for a value that is not finite, or does not fit the type
  public static byte[] encode(TensorData piece, GgufType type, float @Nullable [] importance) {
    if (GgufType.of(piece.info().dtype()).filter(type::equals).isPresent()
        && Numbers.areFinite(piece)) {
      return piece.bytes().toArray(ValueLayout.JAVA_BYTE);
    }
    float[] values = Numbers.floats(piece);
    Shape shape = piece.info().shape();
    int width = Math.toIntExact(shape.dimension(1));
    WeightRows rows = new WeightRows(piece.info().name(), 0, width, values, importance);
    try {
      return encoding(type).encode(rows).toArray(ValueLayout.JAVA_BYTE);
    } catch (IllegalArgumentException e) {
      throw new FormatException("tensor " + e.getMessage(), e); // a weight that is too large
    }
  }

  private static BlockEncoding encoding(GgufType type) {
    return BlockEncoding.named(type.name())
        .orElseThrow(() -> new IllegalArgumentException("no encoding " + type));
  }
}
