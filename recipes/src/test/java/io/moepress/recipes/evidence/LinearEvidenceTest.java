package io.moepress.recipes.evidence;

import static io.moepress.recipes.evidence.LinearStatistic.LINEAR_INPUT_SQUARE_SUM;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.LinearInput;
import io.moepress.recipes.evidence.EvidenceMerge.Part;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What was gathered of linear maps, on disk and added up. The model's layer 0 has no experts.
class LinearEvidenceTest {
  @TempDir private Path folder;

  private static Evidence evidence(String domain, double factor, @Nullable String propagation) {
    Evidence plain =
        HandmadeEvidence.of(domain)
            .with(1, Statistic.ROUTED_TOKENS, new double[] {factor, 3})
            .evidence();
    SortedMap<Integer, LinearSums> linears = new TreeMap<>();
    linears.put(0, sums(Map.of(LinearInput.DENSE_DOWN, new double[][] {{factor, 2}})));
    linears.put(1, sums(Map.of(LinearInput.ATTENTION, new double[][] {{1, 2, factor}})));
    return new Evidence(
        plain.checkpoint(),
        plain.maxTokens(),
        plain.domains(),
        plain.layers(),
        null,
        linears,
        propagation);
  }

  private static LinearSums sums(Map<LinearInput, double[][]> sums) {
    return new LinearSums.InMemory(Map.of(LINEAR_INPUT_SQUARE_SUM, sums));
  }

  @Test
  void whatIsWrittenIsReadBack() throws IOException {
    EvidenceFile.write(evidence("math", 5, "zeros of layers"), folder.resolve("e"));

    Evidence read = EvidenceFile.readIntact(folder.resolve("e"));

    assertThat(read.propagation()).isEqualTo("zeros of layers");
    assertThat(read.linearStatistics()).containsExactly(LINEAR_INPUT_SQUARE_SUM);
    LinearSums dense = read.layer(0).linears();
    assertThat(dense.inputs(LINEAR_INPUT_SQUARE_SUM)).containsExactly(LinearInput.DENSE_DOWN);
    assertThat(dense.sum(LINEAR_INPUT_SQUARE_SUM, LinearInput.DENSE_DOWN))
        .isDeepEqualTo(new double[][] {{5, 2}});
    assertThat(read.layer(0).experts()).isNull();
    assertThat(read.layer(2).linears().statistics()).isEmpty();
    assertThat(folder.resolve("e/evidence.json"))
        .content()
        .contains("linear-input-square-sum", "zeros of layers");
  }

  @Test
  void partsAreAdded() {
    Evidence merged =
        EvidenceMerge.merge(
            List.of(
                new Part("a", evidence("math", 5, null)),
                new Part("b", evidence("code", 7, null))));

    assertThat(merged.layer(0).linears().sum(LINEAR_INPUT_SQUARE_SUM, LinearInput.DENSE_DOWN))
        .isDeepEqualTo(new double[][] {{12, 4}});
    assertThat(merged.layer(1).linears().sum(LINEAR_INPUT_SQUARE_SUM, LinearInput.ATTENTION))
        .isDeepEqualTo(new double[][] {{2, 4, 12}});
  }

  @Test
  void whatOnlySomePartsHoldIsLeftOutAndNamed() {
    Evidence without =
        HandmadeEvidence.of("code")
            .with(1, Statistic.ROUTED_TOKENS, new double[] {1, 3})
            .evidence();
    List<Part> parts = List.of(new Part("a", evidence("math", 5, null)), new Part("b", without));

    assertThat(EvidenceMerge.merge(parts).linears()).isEmpty();
    assertThat(EvidenceMerge.leftOut(parts)).containsExactly("linear-input-square-sum");
  }

  @Test
  void evidenceBehindChangedLayersIsNotAdded() {
    List<Part> parts =
        List.of(
            new Part("a", evidence("math", 5, null)),
            new Part("b", evidence("code", 7, "zeros of layers")));

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> EvidenceMerge.merge(parts))
        .withMessageStartingWith("b was measured while each layer was changed before the next")
        .withMessageContaining("zeros of layers");
  }

  @Test
  void whatIsMissingIsNamed() {
    EvidenceRequest needed =
        EvidenceRequest.of(Set.of()).andLinears(Set.of(LINEAR_INPUT_SQUARE_SUM));
    Evidence without =
        HandmadeEvidence.of("code")
            .with(1, Statistic.ROUTED_TOKENS, new double[] {1, 3})
            .evidence();

    assertThat(needed.missingFrom(without)).containsExactly("linear-input-square-sum");
    assertThat(needed.missingFrom(evidence("math", 5, null))).isEmpty();
    assertThatExceptionOfType(MissingEvidenceException.class)
        .isThrownBy(() -> without.requireHeld(needed))
        .withMessageContaining("--statistics default,linear-input-square-sum");
  }

  @Test
  void aFileThatWasChangedIsRefused() throws IOException {
    EvidenceFile.write(evidence("math", 5, null), folder.resolve("e"));
    Path file = folder.resolve("e/linears/layer-00000.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length - 1] ^= 1;
    Files.write(file, bytes);

    Evidence read = EvidenceFile.read(folder.resolve("e"));

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(
            () -> read.layer(0).linears().sum(LINEAR_INPUT_SQUARE_SUM, LinearInput.DENSE_DOWN))
        .withMessageContaining("layer-00000.safetensors: digest");
    Files.delete(file);
    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> EvidenceFile.read(folder.resolve("e")))
        .withMessageContaining("no such file");
  }
}
