package io.moepress.recipes.evidence;

import static io.moepress.recipes.evidence.Statistic.GATE_SUM;
import static io.moepress.recipes.evidence.Statistic.OUTPUT_MAXIMUM;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.FormatException;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.json.Json;
import io.moepress.testdata.SafetensorsBytes;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

class EvidenceFileTest {
  private static final String HEAD = "evidence.json";
  private static final String NUMBERS = "evidence.safetensors";

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void whatIsReadIsWhatWasWritten(long seed) throws IOException {
    Evidence written = random(seed);
    EvidenceFile.write(written, folder.resolve("evidence"));

    Evidence read = EvidenceFile.read(folder.resolve("evidence"));

    assertThat(read.checkpoint()).isEqualTo(written.checkpoint());
    assertThat(read.maxTokens()).isEqualTo(written.maxTokens());
    assertThat(read.domains()).isEqualTo(written.domains());
    assertThat(read.layers().keySet()).isEqualTo(written.layers().keySet());
    read.layers().forEach((layer, values) -> assertSame(values, written.layers().get(layer)));
  }

  private static void assertSame(Evidence.Layer read, Evidence.Layer written) {
    assertThat(read.experts()).isEqualTo(written.experts());
    assertThat(read.values().keySet()).isEqualTo(written.values().keySet());
    read.values()
        .forEach(
            (statistic, values) -> assertThat(values).isDeepEqualTo(written.byDomain(statistic)));
  }

  @Test
  void theSameEvidenceGivesTheSameBytes() throws IOException {
    EvidenceFile.write(random(1), folder.resolve("once"));
    EvidenceFile.write(random(1), folder.resolve("again"));

    for (String file : new String[] {HEAD, NUMBERS}) {
      assertThat(folder.resolve("again").resolve(file))
          .hasSameBinaryContentAs(folder.resolve("once").resolve(file));
    }
    assertThat(EvidenceFile.digest(folder.resolve("again")))
        .isEqualTo(EvidenceFile.digest(folder.resolve("once")));
  }

  @Test
  void otherNumbersGiveAnotherDigest() throws IOException {
    EvidenceFile.write(random(1), folder.resolve("one"));
    EvidenceFile.write(random(2), folder.resolve("other"));

    assertThat(EvidenceFile.digest(folder.resolve("one")))
        .isNotEqualTo(EvidenceFile.digest(folder.resolve("other")));
  }

  @Test
  void olderEvidenceIsReplaced() throws IOException {
    EvidenceFile.write(random(1), folder.resolve("evidence"));
    EvidenceFile.write(random(2), folder.resolve("evidence"));

    assertSame(
        EvidenceFile.read(folder.resolve("evidence")).layers().get(1), random(2).layers().get(1));
    assertThat(folder).isDirectoryNotContaining("glob:**.{partial,replaced,lock}*");
  }

  /// Layers 1 and 12: the name of one begins with the name of the other.
  private static Evidence random(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    HandmadeEvidence evidence = HandmadeEvidence.of("math", "code");
    for (int layer : new int[] {1, 12}) {
      for (Statistic statistic : Statistic.values()) {
        if (statistic.isMatrix()) {
          continue; // LargePartsTest
        }
        evidence.with(
            layer, statistic, random.doubles(5).toArray(), random.doubles(5, 0, 1e300).toArray());
      }
    }
    return evidence.evidence();
  }

  // What is broken is refused.

  @Test
  void changedNumbersAreRefusedWithBothDigests() throws IOException {
    Path evidence = written();
    Path numbers = evidence.resolve(NUMBERS);
    String before = Fingerprint.ofFile(numbers);
    byte[] bytes = Files.readAllBytes(numbers);
    bytes[bytes.length - 1] ^= 1;
    Files.write(numbers, bytes);

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> EvidenceFile.read(evidence))
        .withMessageContainingAll(
            NUMBERS, "digest " + Fingerprint.ofFile(numbers), "expected " + before, "again");
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 0, -1})
  void anotherFormatVersionIsRefused(int version) throws IOException {
    Path evidence = written();
    editHead(evidence, "\"formatVersion\": 1", "\"formatVersion\": " + version);

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> EvidenceFile.read(evidence))
        .withMessageContaining("formatVersion %d is too %s", version, version > 1 ? "new" : "old")
        .withMessageContaining("expected 1");
  }

  @Test
  void aFolderWithoutEvidenceIsRefused() {
    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> EvidenceFile.read(folder))
        .withMessage("%s: no evidence.json (expected evidence)", folder);
  }

  @Test
  void missingNumbersAreAnError() throws IOException {
    Path evidence = written();
    Files.delete(evidence.resolve(NUMBERS));

    assertThatExceptionOfType(IOException.class)
        .isThrownBy(() -> EvidenceFile.read(evidence))
        .withMessageContaining(NUMBERS);
  }

  @Test
  void anUnknownKeyIsRefused() throws IOException {
    Path evidence = written();
    editHead(evidence, "\"maxTokens\"", "\"extra\": 1,\n  \"maxTokens\"");

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> EvidenceFile.read(evidence))
        .withMessageContainingAll(HEAD, "extra");
  }

  @Test
  void numbersForAnotherNumberOfDomainsAreRefused() throws IOException {
    assertNumbersRefused(
        numbers("layers.1.gate-sum", 2, 3), "shape [2, 3] (expected [1, 3], domains and experts");
  }

  @Test
  void numbersForAnotherNumberOfExpertsAreRefused() throws IOException {
    assertNumbersRefused(
        numbers("layers.1.gate-sum", 1, 4), "shape [1, 4] (expected [1, 3], domains and experts");
  }

  @Test
  void anUnknownStatisticIsRefused() throws IOException {
    assertNumbersRefused(
        numbers("layers.1.gate-product", 1, 3), "unknown statistic layers.1.gate-product");
  }

  @Test
  void aMatrixIsNoNumberByDomain() throws IOException {
    assertNumbersRefused(
        numbers("layers.1.coactivation", 1, 3), "unknown statistic layers.1.coactivation");
  }

  @Test
  void aPersonFindsTheFormulaOfEachStatistic() throws IOException {
    JsonNode conventions = Json.object(written().resolve(HEAD)).get("conventions");

    assertThat(conventions.propertyNames())
        .containsExactly("notation", "gate-sum", "output-maximum");
    assertThat(conventions.get("gate-sum").asString()).isEqualTo("[domains, E] Σ_{x ∈ X_j} g_j(x)");
  }

  /// As a version wrote it that knew no matrices.
  @Test
  void aHeadWithoutMatricesReservoirAndConventionsIsRead() throws IOException {
    Path evidence = written();
    ObjectNode head = Json.object(evidence.resolve(HEAD));
    head.remove(List.of("matrices", "reservoir", "conventions"));
    Json.write(evidence.resolve(HEAD), head);

    assertThat(EvidenceFile.read(evidence).statistics()).containsExactly(GATE_SUM, OUTPUT_MAXIMUM);
  }

  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY})
  void aNumberThatIsNotFiniteIsRefused(double value) throws IOException {
    assertNumbersRefused(
        new SafetensorsBytes()
            .tensor("layers.1.gate-sum", "F64", new long[] {1, 3}, f64(1, value, 1)),
        "layers.1.gate-sum holds " + value);
  }

  @Test
  void numbersOfAnotherTypeAreRefused() throws IOException {
    byte[] floats = SafetensorsBytes.f32(1, 2, 3);
    assertNumbersRefused(
        new SafetensorsBytes().tensor("layers.1.gate-sum", "F32", new long[] {1, 3}, floats),
        "type F32 (expected F64)");
  }

  private void assertNumbersRefused(SafetensorsBytes numbers, String message) throws IOException {
    Path evidence = written();
    String before = Fingerprint.ofFile(evidence.resolve(NUMBERS));
    numbers.write(evidence.resolve(NUMBERS));
    editHead(evidence, before, Fingerprint.ofFile(evidence.resolve(NUMBERS)));

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> EvidenceFile.read(evidence))
        .withMessageContaining(message);
  }

  /// One domain, one layer, three experts.
  private Path written() throws IOException {
    Path evidence = folder.resolve("evidence");
    EvidenceFile.write(
        HandmadeEvidence.of("math")
            .with(1, GATE_SUM, new double[] {1, 2, 3})
            .with(1, OUTPUT_MAXIMUM, new double[] {4, 5, 6})
            .evidence(),
        evidence);
    return evidence;
  }

  private static void editHead(Path evidence, String from, String to) throws IOException {
    String text = Files.readString(evidence.resolve(HEAD));
    assertThat(text).containsOnlyOnce(from);
    Files.writeString(evidence.resolve(HEAD), text.replace(from, to));
  }

  private static SafetensorsBytes numbers(String name, int domains, int experts) {
    double[] values = new double[domains * experts];
    return new SafetensorsBytes().tensor(name, "F64", new long[] {domains, experts}, f64(values));
  }

  private static byte[] f64(double... values) {
    ByteBuffer bytes = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (double value : values) {
      bytes.putDouble(value);
    }
    return bytes.array();
  }
}
