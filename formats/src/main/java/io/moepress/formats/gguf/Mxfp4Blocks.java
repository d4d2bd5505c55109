package io.moepress.formats.gguf;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.lowprecision.EncodedTensor;
import io.moepress.formats.lowprecision.Mxfp4;
import io.moepress.formats.lowprecision.StoredTensors;
import io.moepress.formats.tensor.TensorData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// Brings MXFP4 of a checkpoint into the blocks of ggml, without decoding: the exponent first, and
/// behind it byte `i` with element `i` low and element `i + 16` high, where the checkpoint has
/// elements `2i` and `2i + 1`. Exponents are the same: ggml's values are twice as large, its bias
/// is one more.
final class Mxfp4Blocks {
  private static final int BYTES = Mxfp4.BLOCK_BYTES;
  private static final int NO_NUMBER = 255;
  private static final int LOW = 0xF;
  private static final int HIGH = 0xF0;

  private Mxfp4Blocks() {}

  /// Whether the rows of a piece are whole lines of a tensor that is stored so.
  static boolean holds(MoeModel model, Piece piece) {
    EncodedTensor tensor = model.inventory().stored().encoded().get(piece.tensor());
    return tensor != null && tensor.codec() instanceof Mxfp4 && isByLines(piece, tensor);
  }

  private static boolean isByLines(Piece piece, EncodedTensor tensor) {
    long width = width(tensor);
    Piece.View view = piece.view();
    return piece.columns() == width
        && view.columnStride() == 1
        && view.offset() % width == 0
        && view.outerStride() % width == 0
        && view.innerStride() % width == 0;
  }

  private static long width(EncodedTensor tensor) {
    return tensor.info().shape().dimension(tensor.info().shape().rank() - 1);
  }

  /// The blocks of a piece.
  ///
  /// @throws FormatException for an exponent that stands for no number
  static byte[] read(MoeModel model, Piece piece, Arena arena) throws IOException {
    StoredTensors stored = model.inventory().stored();
    Piece.Lines lines = piece.lines(stored.info(piece.tensor()).shape());
    List<TensorData> parts =
        stored.storedLines(model.checkpoint(), piece.tensor(), lines.first(), lines.count(), arena);
    MemorySegment blocks = parts.getFirst().bytes();
    MemorySegment scales = parts.getLast().bytes();
    long perLine = piece.columns() / Mxfp4.BLOCK;
    byte[] target = new byte[Math.toIntExact(piece.rows() * perLine * (BYTES + 1))];
    int at = 0;
    for (long row = 0; row < piece.rows(); row++) {
      long block = lines.view().row(row) / Mxfp4.BLOCK;
      for (long end = block + perLine; block < end; block++) {
        target[at] = exponent(scales.get(JAVA_BYTE, block), piece);
        pair(blocks, block * BYTES, target, at + 1);
        at += BYTES + 1;
      }
    }
    return target;
  }

  private static byte exponent(byte stored, Piece piece) {
    if (Byte.toUnsignedInt(stored) == NO_NUMBER) {
      throw FormatException.of(
          "tensor %s: an exponent of 255, which stands for no number (expected 0 to 254). The"
              + " checkpoint is damaged; get a sound copy.",
          piece.tensor());
    }
    return stored;
  }

  private static void pair(MemorySegment source, long from, byte[] target, int to) {
    int half = BYTES / 2;
    for (int i = 0; i < half; i++) {
      int low = source.get(JAVA_BYTE, from + i);
      int high = source.get(JAVA_BYTE, from + half + i);
      target[to + 2 * i] = (byte) ((low & LOW) | (high & LOW) << 4);
      target[to + 2 * i + 1] = (byte) ((low >> 4 & LOW) | (high & HIGH));
    }
  }
}
