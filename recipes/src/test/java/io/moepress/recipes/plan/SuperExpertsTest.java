package io.moepress.recipes.plan;

import static io.moepress.recipes.evidence.Statistic.GATE_SUM;
import static io.moepress.recipes.evidence.Statistic.OUTPUT_MAXIMUM;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.HandmadeEvidence;
import io.moepress.recipes.evidence.MissingEvidenceException;
import java.util.Arrays;
import java.util.SortedSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SuperExpertsTest {

  /// One layer with experts, the first of 8.
  private static SortedSet<ExpertId> find(double... maxima) {
    return SuperExperts.find(
        HandmadeEvidence.of("math").with(0, OUTPUT_MAXIMUM, maxima).evidence(), 8);
  }

  @Test
  void theExpertWithAnExtremeOutputIsFoundAndNoOther() {
    assertThat(find(5, 7, 5000, 6)).containsExactly(new ExpertId(0, 2));
  }

  @ParameterizedTest
  @CsvSource({"5, true", "6, false", "7, false"})
  void onlyLayersBelowThreeQuartersOfAllCount(int layer, boolean found) {
    Evidence evidence =
        HandmadeEvidence.of("math")
            .with(layer, OUTPUT_MAXIMUM, new double[] {5, 5000, 6})
            .evidence();

    assertThat(SuperExperts.find(evidence, 8).isEmpty()).isEqualTo(!found);
  }

  /// Three of five decoder layers are dense and come first: layer 3 is below 3.75, though it is the
  /// first of two with experts; layer 4 is not.
  @Test
  void denseLayersAreCountedAmongTheLayers() {
    Evidence early = evidence(new double[] {1, 900, 1}, new double[] {1, 1, 1});
    Evidence late = evidence(new double[] {1, 1, 1}, new double[] {1, 900, 1});

    assertThat(SuperExperts.find(early, 5)).containsExactly(new ExpertId(3, 1));
    assertThat(SuperExperts.find(late, 5)).isEmpty();
  }

  private static Evidence evidence(double[] layer3, double[] layer4) {
    return HandmadeEvidence.of("math")
        .with(3, OUTPUT_MAXIMUM, layer3)
        .with(4, OUTPUT_MAXIMUM, layer4)
        .evidence();
  }

  /// Of 1 to n the percentile is 1 + 0.995 (n - 1): 200 of 201, 299.5 of 301, 399 of 401.
  @ParameterizedTest
  @CsvSource({"201, 1", "301, 2", "401, 2", "1001, 5"})
  void thePercentileInterpolatesBetweenNeighbours(int experts, int found) {
    double[] maxima = IntStream.rangeClosed(1, experts).asDoubleStream().toArray();

    assertThat(find(maxima))
        .extracting(ExpertId::expert)
        .containsExactlyElementsOf(IntStream.range(experts - found, experts).boxed().toList());
  }

  @Test
  void theLargestOfEqualsIsAboveNoPercentile() {
    assertThat(find(5, 5, 5)).isEmpty();
    assertThat(find(5)).isEmpty();
  }

  @Test
  void aSuperExpertExceedsATenthOfTheLargest() {
    double[] maxima = new double[1001]; // the five largest are above the percentile
    Arrays.fill(maxima, 1);
    maxima[10] = 100;
    maxima[20] = 10;
    maxima[30] = 10.5;

    assertThat(find(maxima)).containsExactly(new ExpertId(0, 10), new ExpertId(0, 30));
  }

  /// With the 200 silent ones the percentile would lie below the two largest.
  @Test
  void expertsNeverReachedAreNotCounted() {
    double[] maxima = new double[401];
    for (int expert = 0; expert < 201; expert++) {
      maxima[2 * expert] = 1000 + expert;
    }

    assertThat(find(maxima)).containsExactly(new ExpertId(0, 400));
  }

  @Test
  void noneIsFoundWhereNoExpertWasReached() {
    assertThat(find(0, 0, 0)).isEmpty();
  }

  @Test
  void theLargestOutputOverAllDomainsCounts() {
    Evidence evidence =
        HandmadeEvidence.of("math", "code")
            .with(0, OUTPUT_MAXIMUM, new double[] {5, 6, 7}, new double[] {5, 900, 7})
            .evidence();

    assertThat(SuperExperts.find(evidence, 8)).containsExactly(new ExpertId(0, 1));
  }

  @Test
  void withoutOutputMaximaItCannotBeSaid() {
    Evidence evidence =
        HandmadeEvidence.of("math").with(0, GATE_SUM, new double[] {1, 2}).evidence();

    assertThatExceptionOfType(MissingEvidenceException.class)
        .isThrownBy(() -> SuperExperts.find(evidence, 8))
        .withMessageContaining("output-maximum");
  }
}
