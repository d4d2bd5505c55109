package io.moepress.formats.integer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.moepress.formats.Refusal;
import io.moepress.formats.integer.GptqLayout.Version;
import io.moepress.formats.integer.IntegerGrid.Step;
import io.moepress.formats.integer.IntegerMatrix.Sharing;
import io.moepress.formats.json.Json;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/// Integer grids, packing and layouts against golden data of an implementation in NumPy with bit
/// streams of arbitrary precision, and by their properties.
class IntegerEncodingsTest {

  static Stream<IntegerGrid> grids() {
    return IntStream.rangeClosed(1, 8)
        .boxed()
        .flatMap(bits -> Stream.of(new IntegerGrid(bits, true), new IntegerGrid(bits, false)));
  }

  static Stream<IntegerGrid> storable() {
    return grids().filter(grid -> grid.bits() > 1 || !grid.isSymmetric());
  }

  private static JsonNode golden() throws IOException {
    return Json.object(TestData.path("golden/lowprecision/encodings.json"));
  }

  private static IntegerMatrix goldenMatrix(JsonNode golden, IntegerGrid grid, int group) {
    JsonNode weight = golden.get("weight");
    return IntegerMatrix.encode(
        floats(weight.get("values")),
        weight.get("rows").asInt(),
        grid,
        new Sharing.Group(group),
        DType.F16);
  }

  @Test
  void areThoseOfAnIndependentImplementation() throws IOException {
    JsonNode golden = golden();
    for (JsonNode expected : golden.get("grids")) {
      int bits = expected.get("bits").asInt();
      IntegerGrid grid = new IntegerGrid(bits, expected.get("symmetric").asBoolean());
      IntegerMatrix matrix = goldenMatrix(golden, grid, expected.get("group").asInt());
      float[] decoded = matrix.decode();
      int columns = matrix.columns();

      assertThat(Arrays.copyOfRange(decoded, 5 * columns, 6 * columns))
          .as("%s", grid)
          .isEqualTo(floats(expected.get("row5")));
      double sum = 0;
      for (float value : decoded) {
        sum += Math.abs(value);
      }
      // Sums of doubles in two orders.
      double rounding = decoded.length * 0x1p-52;
      assertThat(sum).isCloseTo(expected.get("decoded_sum").asDouble(), within(rounding * sum));
      for (BitPacking packing : BitPacking.values()) {
        Map<String, TensorData> tensors = new PackQuantized(packing).encode("w", matrix, DType.F16);
        String kind = packing == BitPacking.STREAM ? "stream" : "whole";
        int[] words = Words32.ints(packed(tensors, "w_packed"));
        int width = packing.words(columns, bits);
        assertThat(Arrays.copyOfRange(words, 5 * width, 6 * width))
            .isEqualTo(ints(expected.get(kind + "_row5")));
        if (!grid.isSymmetric()) {
          int[] zeros = Words32.ints(packed(tensors, "w_zero_point"));
          assertThat(every(zeros, 0, matrix.groupCount()))
              .isEqualTo(ints(expected.get(kind + "_zeros0")));
        }
      }
    }
  }

  @Test
  void gptqTensorsAreThoseOfAnIndependentImplementation() throws IOException {
    JsonNode golden = golden();
    for (JsonNode expected : golden.get("grids")) {
      if (!expected.has("gptq_qweight_out5")) {
        continue;
      }
      int bits = expected.get("bits").asInt();
      IntegerGrid grid = new IntegerGrid(bits, expected.get("symmetric").asBoolean());
      IntegerMatrix matrix = goldenMatrix(golden, grid, expected.get("group").asInt());
      for (Version version : Version.values()) {
        if (version == Version.V1 && expected.get("min_zero").asInt() == 0) {
          assertThat(Refusal.of(() -> new GptqLayout(version).encode("layer", matrix)))
              .contains("layer layer: a zero point of 0 has no place in version 1");
          continue;
        }
        Map<String, TensorData> tensors = new GptqLayout(version).encode("layer", matrix);
        int[] codes = Words32.ints(packed(tensors, "layer.qweight"));
        int[] zeros = Words32.ints(packed(tensors, "layer.qzeros"));
        String key = version == Version.V1 ? "gptq_qzeros_v1_group0" : "gptq_qzeros_v2_group0";
        assertThat(every(codes, 5, matrix.rows()))
            .isEqualTo(ints(expected.get("gptq_qweight_out5")));
        assertThat(Arrays.copyOf(zeros, zeros.length / matrix.groupCount()))
            .isEqualTo(ints(expected.get(key)));
      }
    }
  }

  /// The vectors of the format's reference.
  @Test
  void packAsTheReferenceSays() {
    byte[] four = bytes(IntStream.range(-8, 8));
    byte[] three = bytes(IntStream.range(0, 32).map(i -> i % 8 - 4));

    assertThat(BitPacking.STREAM.pack(four, 4)).containsExactly(0x76543210, 0xFEDCBA98);
    assertThat(BitPacking.WHOLE.pack(four, 4)).containsExactly(0x76543210, 0xFEDCBA98);
    assertThat(BitPacking.STREAM.pack(three, 3))
        .containsExactly(0x88FAC688, 0xC688FAC6, 0xFAC688FA);
    assertThat(BitPacking.WHOLE.pack(three, 3))
        .containsExactly(0x08FAC688, 0x1A23EB1A, 0x2C688FAC, 0x0000003E);
  }

  @Test
  void zeroPointsOfSymmetricGptqAreTheKnownWords() {
    float[] values = new float[32 * 32];
    IntegerMatrix matrix = encode(values, 32, new IntegerGrid(4, true), 32);

    assertThat(Words32.ints(packed(new GptqLayout(Version.V1).encode("l", matrix), "l.qzeros")))
        .containsOnly(0x77777777);
    assertThat(Words32.ints(packed(new GptqLayout(Version.V2).encode("l", matrix), "l.qzeros")))
        .containsOnly(0x88888888);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
  void whatIsPackedIsUnpacked(int bits) {
    SplittableRandom random = new SplittableRandom(bits);
    for (BitPacking packing : BitPacking.values()) {
      for (int count : new int[] {0, 1, 2, 10, 11, 31, 32, 33, 65}) {
        byte[] codes = bytes(random.ints(count, -(1 << bits) / 2, (1 << bits) / 2));
        int[] words = packing.pack(codes, bits);
        assertThat(words).hasSize(packing.words(count, bits));
        assertThat(packing.unpack(words, count, bits)).isEqualTo(codes);
      }
    }
    assertThat(Refusal.of(() -> BitPacking.STREAM.unpack(new int[9], 32, bits)))
        .contains("9 words for 32 codes of " + bits + " bits (expected " + bits + ")");
  }

  private static byte[] bytes(IntStream codes) {
    int[] all = codes.toArray();
    byte[] bytes = new byte[all.length];
    for (int i = 0; i < all.length; i++) {
      bytes[i] = (byte) all[i];
    }
    return bytes;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7})
  void codesOfMoreBitsAreRefused(int bits) {
    for (int wrong : new int[] {1 << (bits - 1), -(1 << (bits - 1)) - 1}) {
      for (int place : new int[] {0, 7, 8, 20}) {
        byte[] codes = new byte[21];
        codes[place] = (byte) wrong;
        assertThatThrownBy(() -> BitPacking.STREAM.pack(codes, bits))
            .hasMessage("a code of more than " + bits + " bits");
      }
    }
  }

  @ParameterizedTest
  @MethodSource("grids")
  void roundToWithinHalfAStep(IntegerGrid grid) {
    for (long seed = 1; seed <= 5; seed++) {
      float[] values = values(new SplittableRandom(seed), 4 * 70);
      IntegerMatrix matrix = encode(values, 4, grid, 32);
      float[] decoded = matrix.decode();
      for (int i = 0; i < values.length && !grid.isSign(); i++) {
        float scale = matrix.scales()[i / 70 * 3 + i % 70 / 32];
        // F16 rounds a scale by 2^-11 of it, and a code is up to 2^b scales from 0.
        double bound = scale * (0.5 + (1 << grid.bits()) * 0x1p-11 + 1e-5);
        assertThat((double) decoded[i])
            .as("%s, seed %d, element %d", grid, seed, i)
            .isCloseTo(values[i], within(bound));
      }
      assertThat(matrix.scales()).doesNotContain(0).hasSize(12);
    }
  }

  @ParameterizedTest
  @MethodSource("grids")
  void leaveTheirOwnValuesAsTheyAre(IntegerGrid grid) {
    for (Step step : List.of(new Step(0.25f, 0), new Step(0.013f, grid.isSymmetric() ? 0 : -1))) {
      for (int code = grid.lowest(); code <= grid.highest(); code++) {
        assertThat(grid.code(grid.value(code, step), step)).isEqualTo(code);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("grids")
  void areNeverWithoutAScale(IntegerGrid grid) {
    for (DType type : List.of(DType.F16, DType.BF16, DType.F32)) {
      IntegerMatrix zeros =
          IntegerMatrix.encode(new float[64], 2, grid, new Sharing.Channel(), type);
      float[] tiny = new float[64];
      Arrays.fill(tiny, Float.MIN_VALUE);
      IntegerMatrix small = IntegerMatrix.encode(tiny, 2, grid, new Sharing.Tensor(), type);
      for (int i = 0; i < tiny.length; i++) {
        // Half a step of the smallest scale that is not 0.
        assertThat(zeros.decode()[i]).isCloseTo(0, within(0x1p-24f));
        assertThat(small.decode()[i]).isFinite();
      }
    }
  }

  @Test
  void shareScalesAsTold() {
    float[] values = {1, -8, 2, 3, 100, 50, 25, 12};
    IntegerGrid grid = new IntegerGrid(4, true);

    assertThat(scales(values, grid, new Sharing.Tensor())).containsExactly(100 / 7.5f, 100 / 7.5f);
    assertThat(scales(values, grid, new Sharing.Channel())).containsExactly(8 / 7.5f, 100 / 7.5f);
    assertThat(scales(values, grid, new Sharing.Group(3)))
        .containsExactly(8 / 7.5f, 3 / 7.5f, 100 / 7.5f, 12 / 7.5f);
  }

  private static float[] scales(float[] values, IntegerGrid grid, Sharing sharing) {
    return IntegerMatrix.encode(values, 2, grid, sharing, DType.F32).scales();
  }

  @Test
  void oneSymmetricBitIsASign() {
    float[] values = {3, -1, 0.5f, -0.5f};

    IntegerMatrix matrix = encode(values, 1, new IntegerGrid(1, true), 4);

    assertThat(matrix.decode()).containsExactly(1.25f, -1.25f, 1.25f, -1.25f);
    assertThat(
            Refusal.of(() -> new PackQuantized(BitPacking.STREAM).encode("w", matrix, DType.F16)))
        .contains("tensor w: a symmetric grid of 1 bit cannot be packed");
  }

  @ParameterizedTest
  @MethodSource("storable")
  void everyLayoutGivesBackWhatItWasGiven(IntegerGrid grid) {
    float[] values = values(new SplittableRandom(9), 32 * 64);
    IntegerMatrix matrix = encode(values, 32, grid, 16);
    for (BitPacking packing : BitPacking.values()) {
      Map<String, TensorData> tensors = new PackQuantized(packing).encode("w", matrix, DType.F16);
      assertThat(tensors).doesNotContainKey("w_g_idx");
      assertThat(PackQuantized.decode(tensors, "w", grid).decode()).isEqualTo(matrix.decode());
    }
    if (List.of(2, 3, 4, 8).contains(grid.bits())) {
      GptqLayout layout = new GptqLayout(Version.V2);
      assertThat(layout.decode(layout.encode("l", matrix), "l", grid.bits()).decode())
          .isEqualTo(matrix.decode());
    }
    if (grid.isSymmetric() && List.of(2, 3, 4, 8).contains(grid.bits())) {
      GptqLayout layout = new GptqLayout(Version.V1);
      assertThat(layout.decode(layout.encode("l", matrix), "l", grid.bits()).decode())
          .isEqualTo(matrix.decode());
    }
  }

  @Test
  void columnsMayBeInAnyGroup() {
    SplittableRandom random = new SplittableRandom(5);
    IntegerMatrix regular = encode(values(random, 32 * 64), 32, new IntegerGrid(4, true), 32);
    int[] groups = IntStream.range(0, 64).map(column -> column % 2).toArray();
    IntegerMatrix mixed =
        new IntegerMatrix(
            regular.grid(), 32, groups, regular.codes(), regular.scales(), regular.zeroPoints());
    GptqLayout layout = new GptqLayout(Version.V1);

    Map<String, TensorData> tensors =
        new PackQuantized(BitPacking.STREAM).encode("w", mixed, DType.F16);

    assertThat(tensors).containsKey("w_g_idx");
    assertThat(PackQuantized.decode(tensors, "w", mixed.grid()).decode())
        .isEqualTo(mixed.decode())
        .isNotEqualTo(regular.decode());
    assertThat(layout.decode(layout.encode("l", mixed), "l", 4).decode()).isEqualTo(mixed.decode());
  }

  @Test
  void whatDoesNotFitALayoutIsRefused() {
    IntegerMatrix narrow = encode(new float[32 * 20], 32, new IntegerGrid(4, true), 8);
    IntegerMatrix odd = encode(new float[32 * 20], 32, new IntegerGrid(3, true), 4);
    IntegerMatrix five = encode(new float[32 * 32], 32, new IntegerGrid(5, true), 32);

    assertThat(
            Refusal.of(() -> new PackQuantized(BitPacking.STREAM).encode("w", narrow, DType.F16)))
        .contains("tensor w: 20 columns do not fill groups");
    assertThat(Refusal.of(() -> new GptqLayout(Version.V2).encode("l", odd)))
        .contains("layer l: 32 outputs and 20 inputs of 3 bits");
    assertThat(Refusal.of(() -> new GptqLayout(Version.V2).encode("l", five)))
        .contains("layer l: 5 bits (expected one of 2, 3, 4 and 8)");
  }

  @Test
  void brokenTensorsAreNamed() {
    IntegerGrid grid = new IntegerGrid(4, false);
    IntegerMatrix matrix = encode(values(new SplittableRandom(3), 32 * 32), 32, grid, 16);
    Map<String, TensorData> packed =
        new PackQuantized(BitPacking.STREAM).encode("w", matrix, DType.F16);
    GptqLayout layout = new GptqLayout(Version.V2);
    Map<String, TensorData> gptq = layout.encode("l", matrix);

    for (String name : packed.keySet()) {
      assertThat(Refusal.of(() -> PackQuantized.decode(without(packed, name), "w", grid)))
          .contains("tensor " + name + " is missing");
    }
    for (String name : gptq.keySet()) {
      assertThat(Refusal.of(() -> layout.decode(without(gptq, name), "l", 4)))
          .contains("tensor " + name + " is missing");
    }
    assertThat(Refusal.of(() -> PackQuantized.decode(packed, "w", new IntegerGrid(8, false))))
        .contains("tensor w_packed: I32 [32, 4] (expected I32 [32, 8]");
    Map<String, TensorData> wrong = new TreeMap<>(gptq);
    int[] far = new int[32];
    far[7] = 2;
    wrong.put("l.g_idx", Words32.ints("l.g_idx", far, 32));
    assertThat(Refusal.of(() -> layout.decode(wrong, "l", 4)))
        .contains("tensor l.g_idx: groups out of range (expected 0 to 1)");
    assertThat(Refusal.of(() -> layout.decode(gptq, "l", 8)))
        .contains("tensor l.qweight: I32 [4, 32] (expected I32 [8, 32])");
    float[] sick = {1, Float.NaN};
    assertThat(Refusal.of(() -> encode(sick, 1, grid, 2))).contains("value 1 is NaN");
  }

  @Test
  void shapesAreThoseOfTheLayout() {
    IntegerMatrix matrix =
        encode(values(new SplittableRandom(3), 32 * 64), 32, new IntegerGrid(3, false), 16);

    assertThat(shapes(new PackQuantized(BitPacking.STREAM).encode("w", matrix, DType.BF16)))
        .containsEntry("w_packed", Shape.of(32, 6))
        .containsEntry("w_scale", Shape.of(32, 4))
        .containsEntry("w_zero_point", Shape.of(3, 4))
        .containsEntry("w_shape", Shape.of(2));
    assertThat(shapes(new GptqLayout(Version.V2).encode("l", matrix)))
        .containsEntry("l.qweight", Shape.of(6, 32))
        .containsEntry("l.qzeros", Shape.of(4, 3))
        .containsEntry("l.scales", Shape.of(4, 32))
        .containsEntry("l.g_idx", Shape.of(64));
  }

  private static Map<String, Shape> shapes(Map<String, TensorData> tensors) {
    Map<String, Shape> shapes = new TreeMap<>();
    tensors.forEach((name, tensor) -> shapes.put(name, tensor.info().shape()));
    return shapes;
  }

  private static Map<String, TensorData> without(Map<String, TensorData> tensors, String name) {
    Map<String, TensorData> fewer = new TreeMap<>(tensors);
    fewer.remove(name);
    return fewer;
  }

  private static TensorData packed(Map<String, TensorData> tensors, String name) {
    return Words32.require(tensors, name);
  }

  private static IntegerMatrix encode(float[] values, int rows, IntegerGrid grid, int group) {
    return IntegerMatrix.encode(values, rows, grid, new Sharing.Group(group), DType.F16);
  }

  private static float[] values(SplittableRandom random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private static int[] every(int[] words, int first, int step) {
    return IntStream.range(0, words.length)
        .filter(i -> i % step == first)
        .map(i -> words[i])
        .toArray();
  }

  private static int[] ints(JsonNode list) {
    return list.valueStream().mapToInt(JsonNode::asInt).toArray();
  }

  private static float[] floats(JsonNode list) {
    float[] values = new float[list.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) list.get(i).asDouble();
    }
    return values;
  }
}
