package io.moepress.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.LargeParts;
import io.moepress.recipes.evidence.Reservoir;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class SkipThresholdsTest {

  @Test
  void theThresholdIsTheMedianRatioOfTheSecondWeightToTheFirst() {
    Evidence odd = evidence(2, 0.5f, 0.5f, 0.8f, 0.2f, 0.6f, 0.3f);
    Evidence even = evidence(2, 0.5f, 0.5f, 0.8f, 0.2f);

    assertThat(SkipThresholds.of(odd)).containsOnlyKeys(3);
    assertThat(SkipThresholds.of(odd).get(3)).isCloseTo(0.5, within(1e-6));
    assertThat(SkipThresholds.of(even).get(3)).isCloseTo(0.625, within(1e-6));
  }

  @Test
  void itIsDefinedForTwoExpertsOfEachTokenAlone() {
    assertThat(SkipThresholds.of(evidence(1, 0.5f, 0.5f))).isEmpty();
    assertThat(SkipThresholds.of(evidence(3, 0.5f, 0.3f, 0.2f))).isEmpty();
    Evidence.Layer without = new Evidence.Layer(4, Map.of());
    assertThat(
            SkipThresholds.of(new Evidence("", 512, List.of(), new TreeMap<>(Map.of(3, without)))))
        .isEmpty();
  }

  private static Evidence evidence(int topK, float... weights) {
    int rows = weights.length / topK;
    int[] tokens = new int[rows];
    Reservoir reservoir =
        new Reservoir(topK, tokens, tokens, new float[rows], new int[weights.length], weights);
    Evidence.Layer layer =
        new Evidence.Layer(4, Map.of(), new LargeParts.InMemory(Map.of(), reservoir));
    return new Evidence("", 512, List.of(), new TreeMap<>(Map.of(3, layer)));
  }
}
