package io.moepress.formats.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.FormatException;
import io.moepress.formats.Refusal;
import io.moepress.formats.gguf.ImportanceFile.Sums;
import io.moepress.formats.gguf.Piece.View;
import io.moepress.formats.tensor.Shape;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Importance matrices of llama.cpp, written and read.
class ImportanceFileTest {
  private static final GgufTensor PLAIN = tensor("blk.0.attn_q.weight", Shape.of(4, 2));
  private static final GgufTensor STACK = tensor("blk.0.ffn_up_exps.weight", Shape.of(3, 4, 2));

  @TempDir private Path folder = Path.of("");

  private static GgufTensor tensor(String name, Shape shape) {
    long width = shape.dimension(shape.rank() - 1);
    long rows = shape.elementCount() / width;
    return new GgufTensor(
        name, shape, List.of(new Piece("x", 0, rows, rows, width, View.plain(width))));
  }

  private static Sums sums(GgufTensor tensor) {
    return tensor.equals(PLAIN)
        ? new Sums(tensor.name(), new double[][] {{6, 9}}, new double[] {3})
        : new Sums(tensor.name(), new double[][] {{1, 2}, {0, 0}, {10, 0}}, new double[] {2, 0, 4});
  }

  private Path write() throws IOException {
    Path path = folder.resolve("imatrix.gguf");
    ImportanceFile.write(
        path,
        Map.of("imatrix.chunk_count", GgufValue.count(7)),
        List.of(PLAIN, STACK),
        ImportanceFileTest::sums);
    return path;
  }

  @Test
  void theOlderFormIsNotReadAndTheWayOutIsNamed() {
    assertThat(Refusal.of(() -> ImportanceFile.open(folder.resolve("imatrix.dat"))))
        .contains("of the older form (expected GGUF). llama-imatrix --in-file");
  }

  /// Sums without a second dimension, more of them than are read at once.
  @Test
  void aLongRowIsReadToItsEnd() throws IOException {
    int width = 700_001;
    for (float last : new float[] {4, Float.NaN}) {
      Path path = folder.resolve("long.gguf");
      float[] sums = new float[width];
      Arrays.fill(sums, 2);
      sums[width - 1] = last;
      GgufHeader header =
          GgufHeader.layOut(
              Map.of("general.type", GgufValue.text("imatrix")),
              List.of(
                  new GgufTensorInfo("w.in_sum2", GgufType.F32, Shape.of(width)),
                  new GgufTensorInfo("w.counts", GgufType.F32, Shape.of(1))));
      try (GgufWriter writer = GgufWriter.create(path, header)) {
        writer.append("w.in_sum2", bytes(sums));
        writer.append("w.counts", bytes(new float[] {2}));
        writer.finish();
      }
      if (Float.isNaN(last)) {
        assertThat(Refusal.of(() -> ImportanceFile.open(path))).contains("tensor w.in_sum2: NaN");
      } else {
        try (ImportanceFile file = ImportanceFile.open(path)) {
          float[] columns = file.columns(tensor("w", Shape.of(1, width)), 0).orElseThrow();
          assertThat(columns[0]).isEqualTo(1);
          assertThat(columns[width - 1]).isEqualTo(2);
          assertThat(file.counts("w")).hasValue(new float[] {2});
          assertThat(file.counts("v")).isEmpty();
        }
      }
    }
  }

  private static MemorySegment bytes(float[] values) {
    ByteBuffer bytes = ByteBuffer.allocate(values.length * Float.BYTES);
    bytes.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(values);
    return MemorySegment.ofBuffer(bytes);
  }

  @Test
  void columnsHaveTheMeanOfTheirSquares() throws IOException {
    try (ImportanceFile file = ImportanceFile.open(write())) {
      assertThat(file.columns(PLAIN, 0)).hasValue(new float[] {2, 3});
      assertThat(file.columns(STACK, 0)).hasValue(new float[] {0.5f, 1});
      assertThat(file.columns(STACK, 2)).hasValue(new float[] {2.5f, 0});
      assertThat(file.size()).isEqualTo(2);
      assertThat(file.file().whole("imatrix.chunk_count")).contains(7L);
    }
  }

  @Test
  void anExpertThatNothingReachedIsNeutral() throws IOException {
    try (ImportanceFile file = ImportanceFile.open(write())) {
      assertThat(file.columns(STACK, 1)).hasValue(new float[] {1, 1});
    }
  }

  @Test
  void aTensorOfWhichItDoesNotSpeakHasNone() throws IOException {
    try (ImportanceFile file = ImportanceFile.open(write())) {
      assertThat(file.columns(tensor("output.weight", Shape.of(4, 2)), 0)).isEmpty();
    }
  }

  @ParameterizedTest
  @CsvSource({"3, 4, 4", "2, 4, 2"})
  void anotherModelIsRefused(long experts, long rows, long width) throws IOException {
    try (ImportanceFile file = ImportanceFile.open(write())) {
      GgufTensor other = tensor(STACK.name(), Shape.of(experts, rows, width));
      assertThatExceptionOfType(FormatException.class)
          .isThrownBy(() -> file.covers(other))
          .withMessageContaining("measured with 3 matrices of width 2")
          .withMessageContaining("Measure it on this model");
    }
  }

  /// ggml writes no extents of 1 behind the first.
  @Test
  void oneMatrixMayHaveOneDimension() throws IOException {
    try (ImportanceFile file = ImportanceFile.open(stranger("imatrix", 0, 6, 9, 3))) {
      assertThat(file.columns(PLAIN, 0)).hasValue(new float[] {2, 3});
    }
  }

  /// A file with one plain matrix.
  private Path stranger(String kind, int type, float first, float second, float count)
      throws IOException {
    GgufBytes bytes =
        GgufBytes.head(2, 1)
            .string("general.type", kind)
            .tensor(PLAIN.name() + ".in_sum2", type, 0, 2)
            .tensor(PLAIN.name() + ".counts", 0, 32, 1)
            .data(0)
            .u32(Float.floatToRawIntBits(first) & 0xFFFF_FFFFL)
            .u32(Float.floatToRawIntBits(second) & 0xFFFF_FFFFL)
            .data(0)
            .u32(Float.floatToRawIntBits(count) & 0xFFFF_FFFFL)
            .data(0);
    return Files.write(folder.resolve("stranger.gguf"), bytes.bytes());
  }

  @ParameterizedTest
  @CsvSource({
    "model, 0, 6, 9, 3, general.type model (expected imatrix)",
    "imatrix, 26, 6, 9, 3, type I32 (expected F32)",
    "imatrix, 0, NaN, 9, 3, 'in_sum2: NaN (expected finite'",
    "imatrix, 0, 6, Infinity, 3, 'in_sum2: Infinity (expected finite'",
    "imatrix, 0, 6, -1, 3, 'in_sum2: -1.0 (expected finite'",
    "imatrix, 0, 6, 9, NaN, 'counts: NaN (expected finite'",
  })
  void brokenFiles(String kind, int type, float first, float second, float count, String message)
      throws IOException {
    Path path = stranger(kind, type, first, second, count);
    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> ImportanceFile.open(path).close())
        .withMessageContaining(message);
  }

  @Test
  void countsMustBeThere() throws IOException {
    GgufBytes bytes =
        GgufBytes.head(1, 1)
            .string("general.type", "imatrix")
            .tensor(STACK.name() + ".in_sum2", 0, 0, 2, 3)
            .data(0)
            .data(32);
    Path path = Files.write(folder.resolve("counts.gguf"), bytes.bytes());
    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> ImportanceFile.open(path).close())
        .withMessageContaining("counts has 0 numbers (expected 3");
  }

  @Test
  void anEmptyFileIsNone() throws IOException {
    GgufBytes bytes =
        GgufBytes.head(1, 1)
            .string("general.type", "imatrix")
            .tensor("blk.0.attn_q.weight", 0, 0, 8)
            .data(0)
            .data(32);
    Path path = Files.write(folder.resolve("empty.gguf"), bytes.bytes());
    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> ImportanceFile.open(path).close())
        .withMessageContaining("no tensor NAME.in_sum2");
  }
}
