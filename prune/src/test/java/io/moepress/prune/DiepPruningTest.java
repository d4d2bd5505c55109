package io.moepress.prune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import io.moepress.recipes.evidence.DistanceKind;
import io.moepress.recipes.evidence.LearnedScores;
import io.moepress.recipes.evidence.LearnedScores.Curve;
import io.moepress.recipes.evidence.LearnedScores.Layer;
import io.moepress.recipes.evidence.LearningRequest;
import io.moepress.recipes.evidence.OptimiserKind;
import io.moepress.recipes.evidence.Relaxation;
import io.moepress.recipes.plan.Allocation.Global;
import io.moepress.recipes.plan.AllocationMode;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.PlanMismatchException;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DiepPruningTest {
  private static final LearningRequest REQUEST =
      new LearningRequest(
          Relaxation.DENSE, DistanceKind.HIDDEN, 0.01, OptimiserKind.ADAM, 0.1, 10, 16, 42);

  private static DiepPruning method(DiepScore score, Layer... layers) {
    SortedMap<Integer, Layer> learned = new TreeMap<>();
    for (Layer layer : layers) {
      learned.put(learned.size(), layer);
    }
    LearnedScores.Subject subject = new LearnedScores.Subject("sha256:1", "sha256:2", REQUEST);
    Curve curve = new Curve(List.of(2.0, 1.0), List.of(0.0, 0.0), List.of(2.0, 1.0));
    return new DiepPruning(REQUEST, score, Optional.empty(), null)
        .with(LearnedScores.of(subject, learned, curve));
  }

  /// ā = 1/6, 3/6, 2/6.
  @Test
  void scoresAreSharesTimesTheLayersFactor() {
    Layer layer = new Layer(List.of(0.0, Math.log(3), Math.log(2)), 0.5);

    double[] scores = Question.withoutEvidence(3, 0).scores(method(DiepScore.SIGN_SAFE, layer), 0);

    assertThat(scores).containsExactly(new double[] {0.25, 0.75, 0.5}, within(1e-15));
  }

  @Test
  void rawScoresAreTheProduct() {
    Layer layer = new Layer(List.of(-0.25, 0.5, 0.0), 2);

    assertThat(Question.withoutEvidence(3, 0).scores(method(DiepScore.RAW, layer), 0))
        .containsExactly(-0.5, 1, 0);
  }

  /// With a negative `α` the raw product ranks an expert of a layer that counts more lower.
  @Test
  void aLayerThatCountsMoreLiftsAllItsExpertsButNotWithRawScores() {
    Layer less = new Layer(List.of(-0.1, 0.1), 1);
    Layer more = new Layer(List.of(-0.1, 0.1), 2);
    Question question = Question.withoutEvidence(2, 0, 1);
    DiepPruning safe = method(DiepScore.SIGN_SAFE, less, more);
    DiepPruning raw = method(DiepScore.RAW, less, more);

    assertThat(question.scores(safe, 1)[0]).isGreaterThan(question.scores(safe, 0)[0]);
    assertThat(question.scores(raw, 1)[0]).isLessThan(question.scores(raw, 0)[0]);
  }

  @Test
  void keepingAllDropsNone() {
    DiepPruning method = method(DiepScore.SIGN_SAFE, new Layer(List.of(0.5, -3.0, 0.0), 1));

    assertThat(Question.withoutEvidence(3, 0).kept(method, 3)).containsExactly(0, 1, 2);
  }

  @Test
  void theHighestStay() {
    DiepPruning method =
        method(
            DiepScore.SIGN_SAFE,
            new Layer(List.of(0.5, -3.0, 0.0, 0.0), 1),
            new Layer(List.of(-1.0, 0.0, 2.0, 3.0), 1));

    assertThat(Question.withoutEvidence(4, 0, 1).ask(method, 2))
        .extracting(KeepExperts::kept)
        .containsExactly(List.of(0, 2), List.of(2, 3));
  }

  /// The experts of all layers stand in one ranking, but a layer keeps what a token uses.
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void layersLoseDifferentNumbersButNoneIsEmptied(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    Layer[] layers = new Layer[4];
    for (int layer = 0; layer < layers.length; layer++) {
      List<Double> alpha = random.doubles(8, -2, 2).boxed().toList();
      layers[layer] = new Layer(alpha, layer == 0 ? 1e-9 : 1);
    }
    DiepPruning method = method(DiepScore.SIGN_SAFE, layers);

    List<KeepExperts> kept =
        Question.withoutEvidence(8, 0, 1, 2, 3).topK(2).ask(method, new Global(20));

    assertThat(method.defaultAllocation()).isEqualTo(AllocationMode.GLOBAL);
    assertThat(kept.stream().mapToInt(KeepExperts::left).sum()).isEqualTo(20);
    assertThat(kept.getFirst().kept()).as("of a layer that counts little").hasSize(2);
    assertThat(kept).allSatisfy(step -> assertThat(step.left()).isGreaterThanOrEqualTo(2));
  }

  @Test
  void thePlanSaysWhereTheScoresAreFrom() {
    DiepPruning method = method(DiepScore.RAW, new Layer(List.of(0.0, 1.0), 1));

    assertThat(method.notes())
        .singleElement()
        .asString()
        .startsWith("diep: scores learned in 2 steps (relaxation dense, adam), sha256:");
    assertThat(new DiepPruning(REQUEST, DiepScore.RAW, Optional.empty(), null).notes()).isEmpty();
  }

  @Test
  void withoutScoresThereIsNoDecision() {
    DiepPruning method = new DiepPruning(REQUEST, DiepScore.RAW, Optional.empty(), null);

    assertThatExceptionOfType(PlanMismatchException.class)
        .isThrownBy(() -> Question.withoutEvidence(2, 0).ask(method, 1))
        .withMessageContaining("nothing is learned");
  }

  @Test
  void scoresOfAnotherModelAreRefused() {
    DiepPruning method = method(DiepScore.RAW, new Layer(List.of(0.0, 1.0), 1));

    assertThatExceptionOfType(PlanMismatchException.class)
        .isThrownBy(() -> Question.withoutEvidence(3, 0).ask(method, 1))
        .withMessageContaining("layer 0: learned scores of 2 experts (expected 3)");
  }
}
