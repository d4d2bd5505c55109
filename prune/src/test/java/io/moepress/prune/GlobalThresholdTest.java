package io.moepress.prune;

import static io.moepress.recipes.evidence.Statistic.ROUTED_TOKENS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.moepress.formats.architecture.ExpertGroups;
import io.moepress.recipes.plan.Allocation.EachLayer;
import io.moepress.recipes.plan.Allocation.Global;
import io.moepress.recipes.plan.KeepExperts;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SortedSet;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// One threshold over the scores of all layers, and numbers given for each.
class GlobalThresholdTest {
  private static final ScoredPruning FREQUENCY = ActivationMembers.FREQUENCY;
  private static final int LAYERS = 5;
  private static final int EXPERTS = 12;

  @Test
  void theHighestScoresStayWhereverTheyAre() {
    Question question =
        Question.about(4, "math")
            .with(0, ROUTED_TOKENS, new double[] {9, 8, 7, 1})
            .with(1, ROUTED_TOKENS, new double[] {6, 2, 3, 5});

    assertThat(question.ask(FREQUENCY, new Global(5)))
        .extracting(KeepExperts::kept)
        .containsExactly(List.of(0, 1, 2), List.of(0, 3));
  }

  @Test
  void everyLayerKeepsAsManyAsATokenUses() {
    Question question =
        Question.about(4, "math")
            .topK(2)
            .with(0, ROUTED_TOKENS, new double[] {9, 8, 7, 6})
            .with(1, ROUTED_TOKENS, new double[] {0, 2, 3, 1});

    assertThat(question.ask(FREQUENCY, new Global(5)))
        .extracting(KeepExperts::kept)
        .containsExactly(List.of(0, 1, 2), List.of(1, 2));
  }

  @Test
  void tiesGoToTheLowerLayer() {
    Question question =
        Question.about(3, "math")
            .with(0, ROUTED_TOKENS, new double[] {5, 5, 5})
            .with(1, ROUTED_TOKENS, new double[] {5, 5, 5});

    assertThat(question.ask(FREQUENCY, new Global(3)))
        .extracting(KeepExperts::kept)
        .containsExactly(List.of(0, 1), List.of(0));
  }

  @Test
  void guardedExpertsStayAndCount() {
    Question question =
        Question.about(4, "math")
            .with(0, ROUTED_TOKENS, new double[] {9, 8, 7, 6})
            .with(1, ROUTED_TOKENS, new double[] {0, 1, 2, 3})
            .guard(1, 0, 1);

    assertThat(question.ask(FREQUENCY, new Global(4)))
        .extracting(KeepExperts::kept)
        .containsExactly(List.of(0, 1), List.of(0, 1));
  }

  @Test
  void lessThanTheLayersNeedIsAnError() {
    Question question =
        Question.about(4, "math")
            .topK(2)
            .with(0, ROUTED_TOKENS, new double[] {9, 8, 7, 6})
            .with(1, ROUTED_TOKENS, new double[] {0, 1, 2, 3})
            .guard(1, 0, 1, 2);

    assertThatIllegalArgumentException()
        .isThrownBy(() -> question.ask(FREQUENCY, new Global(4)))
        .withMessage(
            "allocation: global: 4 experts would stay in all layers, but they need 5: each as many as"
                + " a token uses, and all that are protected. Keep more, or protect fewer.");
  }

  @Test
  void numbersGivenForEachLayerAreKept() {
    Question question = random(1, identity());
    EachLayer given = new EachLayer(new TreeMap<>(Map.of(0, 3, 1, 12, 2, 1, 3, 7, 4, 2)));

    assertThat(question.ask(FREQUENCY, given))
        .extracting(step -> step.kept().size())
        .containsExactly(3, 12, 1, 7, 2);
  }

  // Properties over seeds.

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void theTotalIsExactAndFloorsAreKept(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int topK = random.nextInt(1, 4);
    int guarded = random.nextInt(EXPERTS);
    Question question = random(seed, identity()).topK(topK).guard(2, guarded);
    for (int total = LAYERS * topK + 1; total <= LAYERS * EXPERTS; total++) {
      List<KeepExperts> steps = question.ask(FREQUENCY, new Global(total));

      assertThat(steps.stream().mapToInt(step -> step.kept().size()).sum()).isEqualTo(total);
      assertThat(steps)
          .allSatisfy(step -> assertThat(step.kept()).hasSizeGreaterThanOrEqualTo(topK));
      assertThat(steps.get(2).kept()).contains(guarded);
    }
  }

  /// Layers whose scores are the same numbers in another order keep equally many.
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void equalDistributionsMeanEqualNumbers(long seed) {
    Question question = Question.about(EXPERTS, "math");
    Random random = new Random(seed);
    for (int layer = 0; layer < LAYERS; layer++) {
      List<Integer> order = new ArrayList<>(identity());
      Collections.shuffle(order, random);
      question.with(layer, ROUTED_TOKENS, order.stream().mapToDouble(i -> 1 + i).toArray());
    }
    for (int kept = 1; kept <= EXPERTS; kept++) {
      assertThat(question.ask(FREQUENCY, new Global(LAYERS * kept)))
          .isEqualTo(question.ask(FREQUENCY, kept));
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void permutedExpertsArePermutedDecisions(long seed) {
    List<Integer> permutation = new ArrayList<>(identity());
    Collections.shuffle(permutation, new Random(seed));
    List<KeepExperts> steps = random(seed, identity()).ask(FREQUENCY, new Global(23));
    List<KeepExperts> permuted = random(seed, permutation).ask(FREQUENCY, new Global(23));

    for (int layer = 0; layer < LAYERS; layer++) {
      assertThat(permuted.get(layer).kept().stream().map(permutation::get).sorted())
          .containsExactlyElementsOf(steps.get(layer).kept());
    }
  }

  /// What stays has at least the score of what goes, layers with no more than they need aside.
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void thereIsOneThreshold(long seed) {
    List<KeepExperts> steps = random(seed, identity()).topK(2).ask(FREQUENCY, new Global(30));

    double highestDropped =
        steps.stream()
            .flatMapToDouble(step ->
                IntStream.range(0, EXPERTS)
                    .filter(expert -> !step.kept().contains(expert))
                    .mapToDouble(step.scores()::get))
            .max()
            .orElseThrow();
    assertThat(steps)
        .filteredOn(step -> step.kept().size() > 2)
        .isNotEmpty()
        .allSatisfy(step ->
            assertThat(step.kept())
                .allSatisfy(
                    kept -> assertThat(step.scores().get(kept)).isGreaterThan(highestDropped)));
  }

  /// Other numbers of experts from scores that are known already.
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void decidingAgainIsDecidingAnew(long seed) throws Exception {
    Question question = random(seed, identity()).guard(1, 3);
    EachLayer other = new EachLayer(new TreeMap<>(Map.of(0, 3, 1, 12, 2, 1, 3, 7, 4, 2)));
    List<KeepExperts> first = question.ask(FREQUENCY, new Global(30));

    assertThat(FREQUENCY.replan(first, question.request(other)))
        .isEqualTo(question.ask(FREQUENCY, other));
  }

  // Groups.

  @Test
  void groupsGetOneEachAtATime() {
    ExpertGroups groups = new ExpertGroups(2, 1, ExpertGroups.NONE.score());
    List<LayerRanking> rankings =
        List.of(
            ranking(0, groups, new TreeSet<>(), 9, 8, 1, 0), // means 5, 4
            ranking(1, groups, new TreeSet<>(), 6, 1, 6, 2)); // means 6, 1.5

    assertThat(GlobalThreshold.counts(rankings, 4, 1)).isEqualTo(Map.of(0, 2, 1, 2));
    assertThat(GlobalThreshold.counts(rankings, 6, 1)).isEqualTo(Map.of(0, 4, 1, 2));
    assertThat(GlobalThreshold.counts(rankings, 7, 1)).isEqualTo(Map.of(0, 4, 1, 2));
    assertThat(GlobalThreshold.counts(rankings, 8, 1)).isEqualTo(Map.of(0, 4, 1, 4));
  }

  @Test
  void theFullestGroupOfGuardedExpertsSaysHowManyStay() {
    ExpertGroups groups = new ExpertGroups(2, 1, ExpertGroups.NONE.score());
    SortedSet<Integer> guarded = new TreeSet<>(List.of(4, 5, 6));

    assertThat(ranking(0, groups, guarded, 1, 2, 3, 4, 5, 6, 7, 8).fewest(1)).isEqualTo(6);
    assertThat(ranking(0, groups, guarded, 1, 2, 3, 4, 5, 6, 7, 8).highest(6))
        .containsExactly(1, 2, 3, 4, 5, 6);
  }

  private static LayerRanking ranking(
      int layer, ExpertGroups groups, SortedSet<Integer> guarded, double... scores) {
    return new LayerRanking(layer, Arrays.stream(scores).boxed().toList(), guarded, groups);
  }

  private static List<Integer> identity() {
    return IntStream.range(0, EXPERTS).boxed().toList();
  }

  /// Expert `i` of every layer has what would be the evidence of expert `permutation[i]`.
  private static Question random(long seed, List<Integer> permutation) {
    SplittableRandom random = new SplittableRandom(seed);
    Question question = Question.about(EXPERTS, "math");
    for (int layer = 0; layer < LAYERS; layer++) {
      double[] drawn = random.doubles(EXPERTS, 1, 100).toArray();
      question.with(
          layer,
          ROUTED_TOKENS,
          permutation.stream().mapToDouble(expert -> drawn[expert]).toArray());
    }
    return question;
  }
}
