package io.moepress.formats.lowprecision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.moepress.formats.Refusal;
import io.moepress.formats.json.Json;
import io.moepress.formats.lowprecision.BlockFp8.Encoded;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/// FP8 and MXFP4 against PyTorch, transformers and their definitions.
class CodecsTest {
  private static final int CODES = 256;

  private static JsonNode golden(String key) throws IOException {
    return Json.object(TestData.path("golden/lowprecision/encodings.json")).get(key);
  }

  private static float number(JsonNode node) {
    return (float) node.asDouble();
  }

  @Test
  void everyFp8CodeIsTheNumberOfTheReferenceImplementation() throws IOException {
    JsonNode table = golden("fp8_table");
    for (int code = 0; code < CODES; code++) {
      float value = Fp8.decode((byte) code);
      if (table.get(code).isNull()) {
        assertThat(value).as("code %d", code).isNaN();
      } else {
        assertThat(Float.floatToRawIntBits(value))
            .as("code %d", code)
            .isEqualTo(Float.floatToRawIntBits(number(table.get(code))));
      }
    }
  }

  @Test
  void everyFp8NumberHasItsCode() {
    for (int code = 0; code < CODES; code++) {
      byte expected = (code & 0x7F) == 0x7F ? Fp8.NOT_A_NUMBER : (byte) code;
      assertThat(Fp8.encode(Fp8.decode((byte) code))).isEqualTo(expected);
    }
  }

  @Test
  void fp8RoundsAsTheReferenceImplementation() throws IOException {
    JsonNode golden = golden("fp8");
    for (int i = 0; i < golden.get("values").size(); i++) {
      float value = number(golden.get("values").get(i));
      assertThat(Byte.toUnsignedInt(Fp8.encode(value)))
          .as("%s", value)
          .isEqualTo(golden.get("codes").get(i).asInt());
    }
  }

  @Test
  void fp8TakesTheNearerNeighbourAndTheEvenOneInTheMiddle() {
    for (int code = 0; code < 0x7E; code++) {
      float low = Fp8.decode((byte) code);
      float high = Fp8.decode((byte) (code + 1));
      float middle = (low + high) / 2;
      assertThat(Fp8.encode(middle)).isEqualTo((byte) (code % 2 == 0 ? code : code + 1));
      assertThat(Fp8.encode(Math.nextUp(middle))).isEqualTo((byte) (code + 1));
      assertThat(Fp8.encode(-Math.nextDown(middle))).isEqualTo((byte) (code | 0x80));
    }
  }

  @Test
  void fp8SaturatesAndKeepsWhatIsNoNumber() {
    assertThat(Fp8.decode(Fp8.encode(Float.POSITIVE_INFINITY))).isEqualTo(448);
    assertThat(Fp8.decode(Fp8.encode(-Float.MAX_VALUE))).isEqualTo(-448);
    assertThat(Fp8.decode(Fp8.encode(Float.NaN))).isNaN();
    assertThat(Fp8.encode(-Float.MIN_VALUE)).isEqualTo((byte) 0x80);
  }

  /// Two blocks down, three across; those at the edges are smaller.
  @Test
  void aBlockAtTheEdgeIsSmaller() {
    byte one = Fp8.encode(1);
    byte[] codes = new byte[15];
    Arrays.fill(codes, one);
    TensorData weight = tensor("w", DType.F8_E4M3, codes, 3, 5);
    TensorData scale = floats("w_scale_inv", new float[] {1, 2, 3, 4, 5, 6}, 2, 3);

    assertThat(decode(new BlockFp8(2, 2), List.of(weight, scale), 15))
        .containsExactly(1, 1, 2, 2, 3, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6);
  }

  @Test
  void scalesMayBeInBf16() {
    TensorData weight = tensor("w", DType.F8_E4M3, new byte[] {Fp8.encode(3)}, 1, 1);
    TensorData scale = tensor("w_scale_inv", DType.BF16, new byte[] {0x00, 0x3F}, 1, 1); // 0.5

    assertThat(decode(new BlockFp8(128, 128), List.of(weight, scale), 1)).containsExactly(1.5f);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void fp8BlocksAreWithinHalfAStep(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int height = random.nextInt(1, 40);
    int width = random.nextInt(1, 40);
    BlockFp8 codec = new BlockFp8(random.nextInt(1, 17), random.nextInt(1, 17));
    float[] values = values(random, height * width);

    Encoded encoded = codec.encode(values, height, width);
    float[] decoded = decode(codec, encoded, height, width);

    int across = (width + codec.columns() - 1) / codec.columns();
    for (int i = 0; i < values.length; i++) {
      float scale =
          encoded.scales()[i / width / codec.rows() * across + i % width / codec.columns()];
      // Half a step of a number with 3 bits of mantissa, or of the smallest ones; float32 rounding.
      double bound = Math.max(Math.abs(values[i]) / 16, scale * 0x1p-10) * (1 + 1e-6);
      assertThat((double) decoded[i]).isCloseTo(values[i], within(bound));
    }
    Encoded again = codec.encode(decoded, height, width);
    float[] twice = decode(codec, again, height, width);
    for (int i = 0; i < values.length; i++) {
      // The same codes; scales are off by a rounding.
      assertThat(twice[i]).isCloseTo(decoded[i], within(Math.abs(decoded[i]) * 1e-6f));
    }
  }

  @Test
  void aBlockOfZerosHasTheScaleOne() {
    Encoded encoded = new BlockFp8(2, 2).encode(new float[4], 2, 2);

    assertThat(encoded.scales()).containsExactly(1);
    assertThat(encoded.codes()).containsOnly(0);
  }

  @Test
  void tinyAndHugeBlocksStayFinite() {
    BlockFp8 codec = new BlockFp8(1, 1);
    float[] extremes = {Float.MIN_VALUE, Float.MAX_VALUE, -Float.MAX_VALUE, 1e-38f};

    for (float value : decode(codec, codec.encode(extremes, 1, 4), 1, 4)) {
      assertThat(value).isFinite();
    }
    assertThat(Refusal.of(() -> codec.encode(new float[] {Float.NaN}, 1, 1)))
        .contains("not finite");
  }

  @Test
  void mxfp4IsThatOfTheReferenceImplementation() throws IOException {
    JsonNode golden = golden("mxfp4");
    byte[] blocks = bytes(golden.get("blocks"));
    byte[] scales = bytes(golden.get("scales"));
    JsonNode expected = golden.get("values");

    float[] decoded = decode(blocks, scales);

    assertThat(decoded).hasSize(expected.size());
    for (int i = 0; i < decoded.length; i++) {
      assertThat(decoded[i]).as("element %d", i).isEqualTo(number(expected.get(i)));
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void mxfp4IsWithinAQuarterOfTheLargest(long seed) {
    float[] values = values(new SplittableRandom(seed), 8 * Mxfp4.BLOCK);

    float[] decoded = decode(Mxfp4.encode(values));

    for (int i = 0; i < values.length; i++) {
      float largest = 0;
      for (int j = 0; j < Mxfp4.BLOCK; j++) {
        largest = Math.max(largest, Math.abs(values[i - i % Mxfp4.BLOCK + j]));
      }
      assertThat(decoded[i]).isCloseTo(values[i], within(largest / 4));
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void mxfp4LeavesItsOwnNumbersAsTheyAre(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    byte[] blocks = new byte[4 * Mxfp4.BLOCK_BYTES];
    random.nextBytes(blocks);
    byte[] scales = {(byte) 0, (byte) 1, (byte) 127, (byte) 250};

    float[] decoded = decode(blocks, scales);

    assertThat(decode(Mxfp4.encode(decoded))).isEqualTo(decoded);
  }

  @Test
  void mxfp4TakesTheEvenCodeInTheMiddle() {
    float[] values = new float[Mxfp4.BLOCK];
    float[] halves = {6, 0.25f, 0.75f, 1.25f, 1.75f, 2.5f, 3.5f, 5, -0.25f, -5, 0.26f, 7};
    System.arraycopy(halves, 0, values, 0, halves.length);

    assertThat(decode(Mxfp4.encode(values)))
        .startsWith(6, 0, 1, 1, 2, 2, 4, 4, -0f, -4, 0.5f, 6)
        .endsWith(0, 0, 0);
  }

  @Test
  void mxfp4OfZerosIsZeroAndNeedsWholeBlocksOfNumbers() {
    assertThat(decode(Mxfp4.encode(new float[Mxfp4.BLOCK]))).containsOnly(0);
    assertThat(Mxfp4.encode(new float[Mxfp4.BLOCK]).scales()).containsExactly((byte) 127);
    float[] sick = new float[Mxfp4.BLOCK];
    sick[3] = Float.POSITIVE_INFINITY;
    assertThat(Refusal.of(() -> Mxfp4.encode(sick))).contains("element 3 is not finite");
  }

  @Test
  void codesWithoutANumberAreFound() {
    BlockFp8 fp8 = new BlockFp8(2, 2);
    TensorData sick = tensor("w", DType.F8_E4M3, new byte[] {0, (byte) 0xFF}, 1, 2);
    TensorData sound = tensor("w", DType.F8_E4M3, new byte[] {0, (byte) 0xFE}, 1, 2);
    TensorData infinite = floats("s", new float[] {Float.POSITIVE_INFINITY}, 1, 1);
    TensorData scales = tensor("s", DType.U8, new byte[] {0, (byte) 0xFF}, 2);

    assertThat(fp8.isFinite(0, sick)).isFalse();
    assertThat(fp8.isFinite(0, sound)).isTrue();
    assertThat(fp8.isFinite(1, infinite)).isFalse();
    assertThat(new Mxfp4().isFinite(1, scales)).isFalse();
    assertThat(new Mxfp4().isFinite(0, scales)).isTrue();
    assertThat(decode(new byte[Mxfp4.BLOCK_BYTES], new byte[] {(byte) 0xFF})[0]).isNaN();
  }

  /// Magnitudes over some powers of ten, and some zeros.
  private static float[] values(SplittableRandom random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      double magnitude = Math.pow(10, random.nextDouble(-4, 2));
      values[i] =
          random.nextInt(10) == 0 ? 0 : (float) (random.nextBoolean() ? magnitude : -magnitude);
    }
    return values;
  }

  private static float[] decode(BlockFp8 codec, Encoded encoded, int height, int width) {
    TensorData weight = tensor("w", DType.F8_E4M3, encoded.codes(), height, width);
    Shape scales = codec.scales(Shape.of(height, width));
    TensorData scale =
        floats("w_scale_inv", encoded.scales(), scales.dimension(0), scales.dimension(1));
    return decode(codec, List.of(weight, scale), height * width);
  }

  private static float[] decode(Mxfp4.Encoded encoded) {
    return decode(encoded.blocks(), encoded.scales());
  }

  private static float[] decode(byte[] blocks, byte[] scales) {
    List<TensorData> parts =
        List.of(
            tensor("w_blocks", DType.U8, blocks, scales.length, Mxfp4.BLOCK_BYTES),
            tensor("w_scales", DType.U8, scales, scales.length));
    return decode(new Mxfp4(), parts, scales.length * Mxfp4.BLOCK);
  }

  private static float[] decode(TensorCodec codec, List<TensorData> parts, int count) {
    MemorySegment target = MemorySegment.ofArray(new byte[count * Float.BYTES]);
    codec.decode(parts, target);
    return target.toArray(ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN));
  }

  private static TensorData tensor(String name, DType type, byte[] bytes, long... shape) {
    return new TensorData(
        new TensorInfo(name, type, Shape.of(shape)), MemorySegment.ofArray(bytes));
  }

  private static TensorData floats(String name, float[] values, long... shape) {
    TensorInfo info = new TensorInfo(name, DType.F32, Shape.of(shape));
    MemorySegment bytes = MemorySegment.ofArray(new byte[values.length * Float.BYTES]);
    for (int i = 0; i < values.length; i++) {
      Numbers.put(info, bytes, i, values[i]);
    }
    return new TensorData(info, bytes);
  }

  private static byte[] bytes(JsonNode list) {
    byte[] bytes = new byte[list.size()];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) list.get(i).asInt();
    }
    return bytes;
  }
}
