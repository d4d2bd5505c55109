package io.moepress.recipes.evidence;

import static io.moepress.recipes.evidence.Statistic.COACTIVATION;
import static io.moepress.recipes.evidence.Statistic.GATE_SUM;
import static io.moepress.recipes.evidence.Statistic.OUTPUT_MAXIMUM;
import static io.moepress.recipes.evidence.Statistic.ROUTED_TOKENS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.FormatException;
import io.moepress.recipes.evidence.Evidence.Sampling;
import io.moepress.recipes.evidence.EvidenceMerge.Part;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvidenceMergeTest {
  private static final Evidence MATH =
      HandmadeEvidence.of("math", "prose")
          .with(3, ROUTED_TOKENS, new double[] {1, 0}, new double[] {4, 5})
          .with(3, OUTPUT_MAXIMUM, new double[] {3, 0}, new double[] {1, 1})
          .with(3, COACTIVATION, new double[] {2, 1}, new double[] {1, 0})
          .with(
              3,
              new Reservoir(
                  1,
                  new int[] {2, 15},
                  new int[] {0, 1},
                  new float[] {1, 2, 3, 4},
                  new int[] {0, 1},
                  new float[] {0.5f, 1}),
              7L)
          .evidence();

  private static final Evidence CODE =
      HandmadeEvidence.of("code")
          .with(3, ROUTED_TOKENS, new double[] {2, 7})
          .with(3, OUTPUT_MAXIMUM, new double[] {2, 5})
          .with(3, GATE_SUM, new double[] {2, 5})
          .with(3, COACTIVATION, new double[] {10, 20}, new double[] {20, 40})
          .with(
              3,
              new Reservoir(
                  1,
                  new int[] {9},
                  new int[] {0},
                  new float[] {5, 6},
                  new int[] {1},
                  new float[] {0.25f}),
              7L)
          .evidence();

  private static final List<Part> PARTS = List.of(new Part("a", MATH), new Part("b", CODE));

  @Test
  void domainsStandOneAfterTheOther() {
    Evidence merged = EvidenceMerge.merge(PARTS);

    assertThat(merged.domains())
        .extracting(Evidence.Domain::name)
        .containsExactly("math", "prose", "code");
    Evidence.Layer layer = merged.layers().get(3);
    assertThat(layer.byDomain(ROUTED_TOKENS))
        .isDeepEqualTo(new double[][] {{1, 0}, {4, 5}, {2, 7}});
    assertThat(layer.total(ROUTED_TOKENS)).containsExactly(7, 12);
    assertThat(layer.total(OUTPUT_MAXIMUM)).containsExactly(3, 5);
  }

  @Test
  void matricesAreAdded() {
    assertThat(EvidenceMerge.merge(PARTS).layers().get(3).matrix(COACTIVATION))
        .isDeepEqualTo(new double[][] {{12, 21}, {21, 40}});
    assertThat(MATH.layers().get(3).matrix(COACTIVATION)[0]).containsExactly(2, 1);
  }

  @Test
  void reservoirsStandOneAfterTheOtherWithTheirIndicesCountedOn() {
    Evidence merged = EvidenceMerge.merge(PARTS);

    assertThat(merged.sampling()).isEqualTo(new Sampling(3, null));
    assertThat(merged.layers().get(3).reservoir())
        .usingRecursiveComparison()
        .isEqualTo(
            new Reservoir(
                1,
                new int[] {2, 15, 29},
                new int[] {0, 1, 2},
                new float[] {1, 2, 3, 4, 5, 6},
                new int[] {0, 1, 1},
                new float[] {0.5f, 1, 0.25f}));
  }

  @Test
  void whatNotAllHoldIsLeftOutAndNamed() {
    Evidence bare =
        HandmadeEvidence.of("drama").with(3, ROUTED_TOKENS, new double[] {1, 1}).evidence();
    List<Part> parts = List.of(new Part("a", CODE), new Part("b", bare));

    assertThat(EvidenceMerge.leftOut(PARTS)).containsExactly("gate-sum");
    assertThat(EvidenceMerge.leftOut(parts))
        .containsExactly("gate-sum", "output-maximum", "coactivation", "reservoir");
    Evidence merged = EvidenceMerge.merge(parts);
    assertThat(merged.statistics()).containsExactly(ROUTED_TOKENS);
    assertThat(merged.sampling()).isNull();
    assertThat(merged.layers().get(3).parts().hasReservoir()).isFalse();
  }

  @Test
  void onePartAloneStaysAsItIs() {
    Evidence merged = EvidenceMerge.merge(List.of(new Part("a", MATH)));

    assertThat(merged.sampling()).isEqualTo(MATH.sampling());
    assertThat(merged.domains()).isEqualTo(MATH.domains());
    assertThat(merged.layers().get(3).matrix(COACTIVATION))
        .isDeepEqualTo(MATH.layers().get(3).matrix(COACTIVATION));
  }

  @Test
  void mergedEvidenceIsWrittenAndRead(@TempDir Path folder) throws IOException {
    EvidenceFile.write(MATH, folder.resolve("a"));
    EvidenceFile.write(CODE, folder.resolve("b"));
    EvidenceFile.write(
        EvidenceMerge.merge(
            List.of(
                new Part("a", EvidenceFile.read(folder.resolve("a"))),
                new Part("b", EvidenceFile.read(folder.resolve("b"))))),
        folder.resolve("both"));

    Evidence read = EvidenceFile.read(folder.resolve("both"));

    assertThat(read.sampling()).isEqualTo(new Sampling(3, null));
    assertThat(read.layers().get(3).reservoir().tokens()).containsExactly(2, 15, 29);
    assertThat(read.layers().get(3).matrix(COACTIVATION)[1]).containsExactly(21, 40);
    assertThat(read.statistics()).containsExactly(ROUTED_TOKENS, OUTPUT_MAXIMUM, COACTIVATION);
  }

  // What does not belong together.

  @Test
  void evidenceOfAnotherCheckpointIsRefusedWithBothFingerprints() {
    Evidence other =
        HandmadeEvidence.of("code")
            .with(3, ROUTED_TOKENS, new double[] {1, 1})
            .evidence("sha256:other");

    assertRefused(other, "a was measured on checkpoint sha256:handmade, b on sha256:other");
  }

  @Test
  void theSameTextsAreNotCountedTwice() {
    Evidence again =
        HandmadeEvidence.of("code", "prose")
            .with(3, ROUTED_TOKENS, new double[] {1, 1}, new double[] {1, 1})
            .evidence();

    assertRefused(again, "a and b both hold domain prose with texts sha256:prose", "count twice");
  }

  @Test
  void textsCutElsewhereAreRefused() {
    Evidence other =
        HandmadeEvidence.of("code")
            .with(3, ROUTED_TOKENS, new double[] {1, 1})
            .evidence(HandmadeEvidence.CHECKPOINT, 256);

    assertRefused(other, "a: texts cut at 512 tokens, b: at 256", "--max-tokens 512");
  }

  @Test
  void otherLayersAreRefused() {
    Evidence other =
        HandmadeEvidence.of("code").with(4, ROUTED_TOKENS, new double[] {1, 1}).evidence();

    assertRefused(other, "a has experts in layers {3=2}, b in {4=2}");
  }

  private static void assertRefused(Evidence other, String... parts) {
    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> EvidenceMerge.merge(List.of(new Part("a", MATH), new Part("b", other))))
        .withMessageContainingAll(parts);
  }
}
