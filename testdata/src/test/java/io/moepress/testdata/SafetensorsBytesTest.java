package io.moepress.testdata;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.Test;

class SafetensorsBytesTest {

  @Test
  void writesTheBytesOfTheFormat() {
    byte[] file =
        new SafetensorsBytes()
            .metadata("format", "pt")
            .tensor("b", "U8", new long[] {3}, new byte[] {1, 2, 3})
            .tensor("a", "BF16", new long[] {}, new byte[] {4, 5})
            .toBytes();
    String header =
        "{\"__metadata__\":{\"format\":\"pt\"},"
            + "\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},"
            + "\"a\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[3,5]}}";
    int padded = (header.length() + 7) / 8 * 8;
    assertThat(file[0] & 0xFF).isEqualTo(padded);
    assertThat(new String(file, 8, padded, UTF_8))
        .startsWith(header)
        .isEqualToIgnoringWhitespace(header);
    assertThat(file).hasSize(8 + padded + 5).endsWith(1, 2, 3, 4, 5);
  }

  @Test
  void readsBackWithANaiveParser() {
    byte[] data = SafetensorsBytes.f32(1, 2, 3, 4, 5, 6);
    byte[] file =
        new SafetensorsBytes()
            .tensor("scalar", "I64", new long[] {}, SafetensorsBytes.i64(-1))
            .tensor("matrix", "F32", new long[] {2, 3}, data)
            .toBytes();
    NaiveSafetensors tensors = NaiveSafetensors.read(file);
    assertThat(tensors.tensors().keySet()).containsExactly("scalar", "matrix");
    assertThat(tensors.tensor("matrix").shape()).containsExactly(2, 3);
    assertThat(tensors.tensor("matrix").data()).isEqualTo(data);
    assertThat(tensors.tensor("scalar").data())
        .isEqualTo(new byte[] {-1, -1, -1, -1, -1, -1, -1, -1});
  }

  @Test
  void naiveParserReadsATrainedModelWhole() throws IOException {
    NaiveSafetensors tensors =
        NaiveSafetensors.read(TestData.path("models/tiny-mixtral/model.safetensors"));
    assertThat(tensors.tensors()).hasSize(127);
    assertThat(tensors.tensor("model.norm.weight").shape()).containsExactly(128);
  }

  @Test
  void bfloat16RoundsToNearestTiesToEven() {
    // 1 + 2^-8 lies between 1 (even) and 1 + 2^-7; 1 + 3 * 2^-8 between 1 + 2^-7 and 1 + 2^-6
    // (even).
    assertThat(SafetensorsBytes.bf16(0x1.01p0f)).containsExactly(0x80, 0x3F);
    assertThat(SafetensorsBytes.bf16(0x1.010002p0f)).containsExactly(0x81, 0x3F);
    assertThat(SafetensorsBytes.bf16(0x1.03p0f)).containsExactly(0x82, 0x3F);
    assertThat(SafetensorsBytes.bf16(-2f)).containsExactly(0x00, 0xC0);
    assertThat(SafetensorsBytes.bf16(Float.MAX_VALUE)).containsExactly(0x80, 0x7F);
    assertThat(SafetensorsBytes.bf16(Float.NEGATIVE_INFINITY)).containsExactly(0x80, 0xFF);
  }

  @Test
  void bfloat16KeepsEveryNaN() {
    byte[] bytes =
        SafetensorsBytes.bf16(Float.intBitsToFloat(0x7F80_0001), Float.intBitsToFloat(-1));
    assertThat(bytes).containsExactly(0xC0, 0x7F, 0xFF, 0xFF);
  }

  @Test
  void float16IsIeee() {
    assertThat(SafetensorsBytes.f16(1f, -65504f)).containsExactly(0x00, 0x3C, 0xFF, 0xFB);
  }

  @Test
  void escapesNames() {
    assertThat(SafetensorsBytes.json("a\"b\\c\n\u00e9")).isEqualTo("\"a\\\"b\\\\c\\u000a\u00e9\"");
  }

  @Test
  void writesWrongFilesToo() {
    assertThat(SafetensorsBytes.file(-1, "{}", new byte[] {7}))
        .containsExactly(0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, '{', '}', 7);
  }
}
