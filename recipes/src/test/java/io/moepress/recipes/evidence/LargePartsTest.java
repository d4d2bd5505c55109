package io.moepress.recipes.evidence;

import static io.moepress.recipes.evidence.Statistic.COACTIVATION;
import static io.moepress.recipes.evidence.Statistic.GATE_SUM;
import static io.moepress.recipes.evidence.Statistic.OUTPUT_SUM;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.FormatException;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.recipes.evidence.Evidence.Sampling;
import io.moepress.testdata.SafetensorsBytes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Matrices and reservoirs on disk: layers 1 and 12 of 3 experts, inputs of 4 elements, two domains
/// of ten tokens, 5 rows, top-2.
class LargePartsTest {
  private static final String MATRICES = "matrices/layer-00012.safetensors";
  private static final String RESERVOIR = "reservoir/layer-00012.safetensors";

  @TempDir Path folder;
  private Path directory = Path.of("");

  @BeforeEach
  void write() throws IOException {
    directory = folder.resolve("evidence");
    EvidenceFile.write(random(1), directory);
  }

  // What is read is what was written.

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void everyNumberComesBack(long seed) throws IOException {
    Evidence written = random(seed);
    EvidenceFile.write(written, directory);

    Evidence read = EvidenceFile.read(directory);

    assertThat(read.sampling()).isEqualTo(new Sampling(5, seed));
    read.layers()
        .forEach((layer, values) -> {
          Evidence.Layer expected = written.layers().get(layer);
          assertThat(values.statistics()).isEqualTo(expected.statistics());
          for (Statistic statistic : values.parts().statistics()) {
            assertThat(values.matrix(statistic)).isDeepEqualTo(expected.matrix(statistic));
          }
          assertThat(values.reservoir()).usingRecursiveComparison().isEqualTo(expected.reservoir());
        });
    assertThat(read.layers().get(12).statistics()).contains(COACTIVATION, OUTPUT_SUM);
  }

  @Test
  void aReservoirGivesOutItsRows() {
    Reservoir reservoir = random(1).layers().get(1).reservoir();

    assertThat(reservoir.width()).isEqualTo(4);
    assertThat(reservoir.input(2)).containsExactly(8, 9, 10, 11);
  }

  @Test
  void whatIsReadAgainIsWrittenAgainTheSame() throws IOException {
    EvidenceFile.write(EvidenceFile.read(directory), folder.resolve("again"));

    for (String file : new String[] {"evidence.json", MATRICES, RESERVOIR}) {
      assertThat(folder.resolve("again").resolve(file))
          .hasSameBinaryContentAs(directory.resolve(file));
    }
  }

  /// Whoever needs one layer pays for one layer.
  @Test
  void aDamagedLayerIsNoticedOnlyByThoseWhoReadIt() throws IOException {
    flipLastBit(MATRICES);
    flipLastBit(RESERVOIR);

    Evidence evidence = EvidenceFile.read(directory);

    assertThat(evidence.layers().get(1).matrix(OUTPUT_SUM)).hasDimensions(3, 4);
    assertThat(evidence.layers().get(1).reservoir().rows()).isEqualTo(5);
    Evidence.Layer damaged = evidence.layers().get(12);
    assertRefused(() -> damaged.matrix(OUTPUT_SUM), MATRICES, "digest sha256:", "calibrate again");
    assertRefused(() -> damaged.reservoir(), RESERVOIR, "digest sha256:", "calibrate again");
  }

  @ParameterizedTest
  @ValueSource(strings = {MATRICES, RESERVOIR})
  void whoeverWantsToBeSureFindsEveryDamage(String file) throws IOException {
    assertThat(EvidenceFile.readIntact(directory).layers()).containsOnlyKeys(1, 12);

    flipLastBit(file);

    assertRefused(() -> EvidenceFile.readIntact(directory), file, "digest sha256:");
  }

  private void flipLastBit(String file) throws IOException {
    byte[] bytes = Files.readAllBytes(directory.resolve(file));
    bytes[bytes.length - 1] ^= 1;
    Files.write(directory.resolve(file), bytes);
  }

  @Test
  void filesThatAreGoneAreAnError() throws IOException {
    Evidence evidence = EvidenceFile.read(directory);
    Files.delete(directory.resolve(MATRICES));

    assertThatExceptionOfType(UncheckedIOException.class)
        .isThrownBy(() -> evidence.layers().get(12).matrix(OUTPUT_SUM))
        .withMessageContaining("layer-00012");
    assertRefused(() -> EvidenceFile.read(directory), MATRICES, "no such file (expected one");
  }

  @Test
  void aReservoirThatOneLayerLacksIsRefused() throws IOException {
    Files.delete(directory.resolve(RESERVOIR));

    assertRefused(() -> EvidenceFile.read(directory), RESERVOIR, "no such file (expected one");
    Path head = directory.resolve("evidence.json");
    Files.writeString(
        head,
        Files.readString(head).replaceAll("(?s)(\"reservoir\".*?),\\s*\"12\": \"[^\"]*\"", "$1"));
    assertRefused(() -> EvidenceFile.read(directory), "no reservoir of layer 12");
  }

  // What is broken is refused, though its digest is right.

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "coactivation|3, 4|shape [3, 4] (expected [E, E] with E = 3)",
        "coactivation|4, 4|shape [4, 4] (expected [E, E] with E = 3)",
        "output-sum|4, 4|shape [4, 4] (expected [E, H] with E = 3)",
        "output-sum|3, 0|shape [3, 0] (expected [E, H] with E = 3)",
        "output-sum|12|shape [12] (expected [E, H] with E = 3)",
        "gate-sum|3, 3|unknown statistic gate-sum (expected one of [coactivation, ",
        "sum-of-outputs|3, 4|unknown statistic sum-of-outputs (expected one of [coactivation, ",
      })
  void matricesOfAnotherShapeOrNameAreRefused(String name, String shape, String message)
      throws IOException {
    long[] extents = extents(shape);
    int count = Math.toIntExact(product(extents));
    replace(MATRICES, new SafetensorsBytes().tensor(name, "F64", extents, f64(new double[count])));

    assertRefused(() -> EvidenceFile.read(directory), MATRICES, message);
  }

  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY})
  void aMatrixWithANumberThatIsNotFiniteIsRefused(double value) throws IOException {
    double[] numbers = new double[9];
    numbers[7] = value;
    replace(
        MATRICES,
        new SafetensorsBytes().tensor("coactivation", "F64", new long[] {3, 3}, f64(numbers)));

    Evidence.Layer layer = EvidenceFile.read(directory).layers().get(12);

    assertRefused(() -> layer.matrix(COACTIVATION), "tensor coactivation holds " + value);
  }

  @Test
  void aMatrixOfAnotherTypeIsRefused() throws IOException {
    replace(
        MATRICES,
        new SafetensorsBytes().tensor("coactivation", "F32", new long[] {3, 3}, new byte[36]));

    Evidence.Layer layer = EvidenceFile.read(directory).layers().get(12);

    assertRefused(() -> layer.matrix(COACTIVATION), "type F32 (expected F64)");
  }

  @ParameterizedTest
  @CsvSource({
    "tokens, 20, tokens holds 20 (expected 0 to 19)",
    "tokens, -1, tokens holds -1 (expected 0 to 19)",
    "domains, 2, domains holds 2 (expected 0 to 1)",
    "experts, 3, experts holds 3 (expected 0 to 2)",
  })
  void indicesOfNothingAreRefused(String tensor, int index, String message) throws IOException {
    replace(RESERVOIR, reservoir(tensor, index, 1));

    Evidence.Layer layer = EvidenceFile.read(directory).layers().get(12);

    assertRefused(() -> layer.reservoir(), RESERVOIR, message);
  }

  @Test
  void anInputThatIsNotFiniteIsRefused() throws IOException {
    replace(RESERVOIR, reservoir("none", 0, Float.NaN));

    Evidence.Layer layer = EvidenceFile.read(directory).layers().get(12);

    assertRefused(() -> layer.reservoir(), "tensor inputs holds NaN");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "tokens|I32|4|shape [4] (expected 5 rows",
        "inputs|F32|5|shape [5] (expected 5 rows",
        "weights|F32|4, 2|shape [4, 2] (expected 5 rows",
        "outputs|F32|5, 2|unknown tensor outputs",
      })
  void aReservoirOfAnotherShapeIsRefused(String tensor, String type, String shape, String message)
      throws IOException {
    long[] extents = extents(shape);
    byte[] bytes = new byte[Math.toIntExact(4 * product(extents))];
    replace(RESERVOIR, new SafetensorsBytes().tensor(tensor, type, extents, bytes));

    Evidence.Layer layer = EvidenceFile.read(directory).layers().get(12);

    assertRefused(() -> layer.reservoir(), RESERVOIR, message);
  }

  private static void assertRefused(ThrowingCallable reading, String... parts) {
    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(reading)
        .withMessageContainingAll(parts);
  }

  /// Another file, to whose digest the head agrees.
  private void replace(String file, SafetensorsBytes bytes) throws IOException {
    String before = Fingerprint.ofFile(directory.resolve(file));
    bytes.write(directory.resolve(file));
    Path head = directory.resolve("evidence.json");
    String text = Files.readString(head);
    assertThat(text).contains(before);
    Files.writeString(head, text.replace(before, Fingerprint.ofFile(directory.resolve(file))));
  }

  private static long[] extents(String shape) {
    String[] parts = shape.split(", ", -1);
    long[] extents = new long[parts.length];
    for (int i = 0; i < parts.length; i++) {
      extents[i] = Long.parseLong(parts[i]);
    }
    return extents;
  }

  private static long product(long[] extents) {
    long product = 1;
    for (long extent : extents) {
      product *= extent;
    }
    return product;
  }

  /// A reservoir of zeros, but for one index in one tensor and one input.
  private static SafetensorsBytes reservoir(String tensor, int index, float input) {
    return new SafetensorsBytes()
        .tensor("tokens", "I32", new long[] {5}, i32(5, tensor.equals("tokens") ? index : 0))
        .tensor("domains", "I32", new long[] {5}, i32(5, tensor.equals("domains") ? index : 0))
        .tensor("inputs", "F32", new long[] {5, 1}, SafetensorsBytes.f32(0, 0, 0, 0, input))
        .tensor("experts", "I32", new long[] {5, 2}, i32(10, tensor.equals("experts") ? index : 0))
        .tensor("weights", "F32", new long[] {5, 2}, new byte[40]);
  }

  private static byte[] i32(int count, int last) {
    return ByteBuffer.allocate(4 * count)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(4 * (count - 1), last)
        .array();
  }

  private static byte[] f64(double... values) {
    ByteBuffer bytes = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (double value : values) {
      bytes.putDouble(value);
    }
    return bytes.array();
  }

  private static Evidence random(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    HandmadeEvidence evidence = HandmadeEvidence.of("math", "code");
    for (int layer : new int[] {1, 12}) {
      evidence.with(layer, GATE_SUM, random.doubles(3).toArray(), random.doubles(3).toArray());
      evidence.with(layer, COACTIVATION, rows(random, 3));
      evidence.with(layer, OUTPUT_SUM, rows(random, 4));
      float[] inputs = new float[20];
      for (int i = 0; i < inputs.length; i++) {
        inputs[i] = layer * i;
      }
      evidence.with(
          layer,
          new Reservoir(
              2,
              new int[] {0, 3, 9, 10, 19},
              new int[] {0, 0, 0, 1, 1},
              inputs,
              random.ints(10, 0, 3).toArray(),
              new float[] {1, 0, 0.5f, 0.5f, -0f, 0.25f, Float.MAX_VALUE, Float.MIN_VALUE, 2, 3}),
          seed);
    }
    return evidence.evidence();
  }

  private static double[][] rows(SplittableRandom random, int columns) {
    return new double[][] {
      random.doubles(columns, -1, 1e300).toArray(),
      random.doubles(columns).toArray(),
      random.doubles(columns).toArray()
    };
  }
}
