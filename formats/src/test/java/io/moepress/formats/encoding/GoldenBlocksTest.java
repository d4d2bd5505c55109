package io.moepress.formats.encoding;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.testdata.TestData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/// Bytes of ggml `d99724f2` and floats of gguf-py 0.19.0; see testdata/README.md.
class GoldenBlocksTest {

  /// The K types keep ggml's lower-case spelling of file names but for the K.
  private static final Map<BlockEncoding, String> FILES =
      Map.of(
          BlockEncoding.Q2_K, "q2_K",
          BlockEncoding.Q3_K, "q3_K",
          BlockEncoding.Q4_K, "q4_K",
          BlockEncoding.Q5_K, "q5_K",
          BlockEncoding.Q6_K, "q6_K");

  @ParameterizedTest
  @EnumSource(
      mode = Mode.EXCLUDE,
      names = {"F32", "F16", "BF16"})
  void withoutImportanceTheBytesAreThoseOfGgml(BlockEncoding encoding) throws IOException {
    assertThat(bytes(encoding, GoldenRows.rows())).isEqualTo(golden(encoding, 0));
  }

  @ParameterizedTest
  @EnumSource(
      mode = Mode.EXCLUDE,
      names = {"F32", "F16", "BF16"})
  void withImportanceTheBytesAreThoseOfGgml(BlockEncoding encoding) throws IOException {
    WeightRows rows = GoldenRows.rows().withImportance(GoldenRows.importance());
    assertThat(bytes(encoding, rows)).isEqualTo(golden(encoding, 1));
  }

  @ParameterizedTest
  @EnumSource
  void everyBlockIsDecodedToTheFloatsOfGgufPython(BlockEncoding encoding) throws IOException {
    byte[] file = read("decoded/" + encoding.name().toLowerCase(Locale.ROOT));
    int weights = weights(encoding, file.length);
    int encoded = Math.toIntExact(encoding.byteCount(weights));
    FloatBuffer expected =
        ByteBuffer.wrap(file, encoded, file.length - encoded)
            .order(ByteOrder.LITTLE_ENDIAN)
            .asFloatBuffer();

    float[] decoded = encoding.decode(MemorySegment.ofArray(file).asSlice(0, encoded));

    assertThat(decoded).hasSize(weights);
    for (int i = 0; i < weights; i++) {
      assertThat(Float.floatToRawIntBits(decoded[i]))
          .as("weight %d: %s, expected %s", i, decoded[i], expected.get(i))
          .isEqualTo(Float.floatToRawIntBits(expected.get(i)));
    }
  }

  /// A file holds blocks and then a float for each of their weights.
  private static int weights(BlockEncoding encoding, int fileBytes) {
    int bytesWithFloats = encoding.bytesPerBlock() + Float.BYTES * encoding.blockSize();
    assertThat(fileBytes % bytesWithFloats).isZero();
    return fileBytes / bytesWithFloats * encoding.blockSize();
  }

  private static byte[] bytes(BlockEncoding encoding, WeightRows rows) {
    return encoding.encode(rows).toArray(JAVA_BYTE);
  }

  private static byte[] golden(BlockEncoding encoding, int variant) throws IOException {
    String name = encoding.name().toLowerCase(Locale.ROOT);
    return read(FILES.getOrDefault(encoding, name) + "." + variant);
  }

  private static byte[] read(String name) throws IOException {
    return Files.readAllBytes(TestData.path("golden/ggml/" + name + ".bin"));
  }
}
