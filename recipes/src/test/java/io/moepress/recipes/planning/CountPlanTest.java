package io.moepress.recipes.planning;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.AllocationMode;
import io.moepress.recipes.plan.CountOptions;
import io.moepress.recipes.plan.ExpertId;
import io.moepress.recipes.plan.ExpertStep;
import io.moepress.recipes.plan.KeepCount;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.Protection;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.plan.PruneRequest;
import io.moepress.recipes.plan.RouterMode;
import io.moepress.recipes.plan.RouterOptions;
import io.moepress.recipes.plan.Snap;
import io.moepress.recipes.recipe.PruneStep;
import io.moepress.recipes.target.Target;
import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// From the numbers of experts that are asked for to those of the plan.
class CountPlanTest {
  private static final CountOptions PLAIN = CountOptions.DEFAULT;

  /// Never asked here.
  private record Idle() implements PruneMethod {
    @Override
    public String name() {
      return "idle";
    }

    @Override
    public Set<Statistic> needs() {
      return Set.of();
    }

    @Override
    public List<ExpertStep> plan(PruneRequest request) {
      return List.of();
    }
  }

  // The same number in every layer.

  @ParameterizedTest
  @EnumSource(names = "RESEARCH", mode = EnumSource.Mode.EXCLUDE)
  void stockRuntimesGetTheSameNumberInEveryLayer(Target target) {
    CountPlan.Outcome outcome = plan(layout(3, 32), PLAIN, target).of(counts(20, 12, 16));

    assertThat(outcome.counts()).isEqualTo(counts(16, 16, 16));
    assertThat(outcome.notes())
        .containsExactly(
            target.label()
                + " has one number of experts for all layers: {0=20, 1=12, 2=16} by layer, 48 in all,"
                + " became 16 in each, 48 in all; the ranking inside each layer is kept");
  }

  @Test
  void researchKeepsThemApart() {
    CountPlan.Outcome outcome = plan(layout(3, 32), PLAIN, Target.RESEARCH).of(counts(20, 12, 16));

    assertThat(outcome.counts()).isEqualTo(counts(20, 12, 16));
    assertThat(outcome.notes()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"20, 12, 17, 16", "20, 13, 17, 17", "4, 4, 6, 5", "4, 4, 5, 4"})
  void theMeanIsRounded(int first, int second, int third, int same) {
    assertThat(
            plan(layout(3, 32), PLAIN, Target.TRANSFORMERS)
                .of(counts(first, second, third))
                .counts())
        .isEqualTo(counts(same, same, same));
  }

  @Test
  void halvesAreRoundedUpwards() {
    assertThat(plan(layout(2, 32), PLAIN, Target.VLLM).of(counts(4, 5)).counts())
        .isEqualTo(counts(5, 5));
  }

  @Test
  void whatIsTheSameAlreadyStaysWithoutANote() {
    CountPlan.Outcome outcome = plan(layout(2, 32), PLAIN, Target.VLLM).of(counts(7, 7));

    assertThat(outcome.counts()).isEqualTo(counts(7, 7));
    assertThat(outcome.notes()).isEmpty();
  }

  @Test
  void withoutTheWishNumbersStayApart() {
    CountOptions apart = new CountOptions(Optional.empty(), Snap.NONE, false);

    assertThat(plan(layout(2, 32), apart, Target.VLLM).of(counts(8, 4)).counts())
        .isEqualTo(counts(8, 4));
  }

  @Test
  void noMoreThanTheSmallestLayerHas() {
    ModelLayout layout =
        ModelLayout.of(
            ModelConfig.parse(
                TinyMoe.qwen3().layers(3).config("num_local_experts", "[4, 20, 20]").configJson()));

    assertThat(plan(layout, PLAIN, Target.VLLM).of(counts(4, 10, 10)).counts())
        .isEqualTo(counts(4, 4, 4));
  }

  @Test
  void maskedExpertsHoldTheirPlacesSoNumbersMayDiffer() {
    CountPlan masks =
        new CountPlan(layout(2, 32), step(PLAIN, RouterMode.MASK), Target.TRANSFORMERS, List.of());

    assertThat(masks.of(counts(8, 4)).counts()).isEqualTo(counts(8, 4));
  }

  @Test
  void groupsStayEquallyLarge() throws IOException {
    ModelLayout layout = deepseek(); // 16 experts in 4 groups, at least 2 of each

    assertThat(plan(layout, PLAIN, Target.VLLM).of(byLayer(layout, 8, 12, 12)).counts())
        .isEqualTo(byLayer(layout, 12, 12, 12));
    assertThat(plan(layout, PLAIN, Target.VLLM).of(byLayer(layout, 8, 8, 12)).counts())
        .isEqualTo(byLayer(layout, 8, 8, 8));
  }

  // Rounding.

  @ParameterizedTest
  @CsvSource({
    "13, 8, 16",
    "12, 8, 16",
    "11, 8, 8",
    "3, 8, 8",
    "32, 8, 32",
    "31, 8, 32",
    "17, 5, 15",
    "18, 5, 20",
    "16, 1, 16"
  })
  void toTheNearestMultipleTiesUpwards(int asked, int unit, int snapped) {
    assertThat(
            plan(layout(1, 32), snap(new Snap.MultipleOf(unit)), Target.RESEARCH)
                .of(counts(asked))
                .counts())
        .isEqualTo(counts(snapped));
  }

  @Test
  void neverMoreThanThereAre() {
    assertThat(
            plan(layout(1, 30), snap(new Snap.MultipleOf(8)), Target.RESEARCH)
                .of(counts(30))
                .counts())
        .isEqualTo(counts(24));
  }

  @Test
  void theNoteSaysWhatAndWhy() {
    assertThat(
            plan(layout(2, 32), snap(new Snap.MultipleOf(8)), Target.TRANSFORMERS)
                .of(counts(13, 13))
                .notes())
        .containsExactly(
            "experts: 13 in each layer became 16: the nearest multiple of 8 (snap: 8; ties go"
                + " upwards)");
    assertThat(
            plan(layout(2, 32), snap(new Snap.MultipleOf(8)), Target.RESEARCH)
                .of(counts(13, 8))
                .notes())
        .containsExactly(
            "experts: {0=13, 1=8} by layer became {0=16, 1=8}: the nearest multiple of 8 (snap: 8;"
                + " ties go upwards)");
  }

  @Test
  void firstTheSameThenRounded() {
    CountPlan.Outcome outcome =
        plan(layout(3, 32), snap(new Snap.MultipleOf(8)), Target.VLLM).of(counts(20, 10, 9));

    assertThat(outcome.counts()).isEqualTo(counts(16, 16, 16));
    assertThat(outcome.notes()).hasSize(2);
  }

  @Test
  void neverFewerThanATokenUsesOrAreProtected() {
    ModelLayout layout = layout(2, 32, 4);
    List<ExpertId> five = List.of(id(1, 1), id(1, 2), id(1, 3), id(1, 4), id(1, 5));
    CountOptions threes = snap(new Snap.MultipleOf(3));

    assertThat(
            new CountPlan(layout, step(threes, RouterMode.SLICE), Target.RESEARCH, five)
                .of(counts(4, 4))
                .counts())
        .isEqualTo(counts(6, 6));
    assertThat(
            new CountPlan(layout, step(threes, RouterMode.SLICE), Target.RESEARCH, List.of())
                .of(counts(7, 4))
                .counts())
        .isEqualTo(counts(6, 6));
  }

  private static ExpertId id(int layer, int expert) {
    return new ExpertId(layer, expert);
  }

  @Test
  void inGroupsAMultipleOfTheirNumberToo() throws IOException {
    ModelLayout layout = deepseek();

    assertThat(
            plan(layout, snap(new Snap.MultipleOf(6)), Target.RESEARCH)
                .of(byLayer(layout, 8, 8, 8))
                .counts())
        .isEqualTo(byLayer(layout, 12, 12, 12));
  }

  @Test
  void whereNoNumberIsLeftThePlanIsRefused() {
    assertThatExceptionOfType(PlanMismatchException.class)
        .isThrownBy(
            () -> plan(layout(1, 6), snap(new Snap.MultipleOf(8)), Target.RESEARCH).of(counts(4)))
        .withMessage(
            "snap: 8: no such number from 2 to 6, which is what may stay in layer 0. Use another one,"
                + " or leave the key out.");
  }

  @ParameterizedTest
  @CsvSource({
    "VLLM, 13, 16",
    "VLLM, 11, 8",
    "VLLM, 5, 4",
    "TRANSFORMERS, 13, 13",
    "LLAMA_CPP, 13, 13"
  })
  void toWhatTheTargetTakesWithoutARemark(Target target, int asked, int snapped) {
    assertThat(plan(layout(1, 32), snap(new Snap.OfTarget()), target).of(counts(asked)).counts())
        .isEqualTo(counts(snapped));
  }

  @Test
  void nothingIsRoundedWhereNothingIsCut() {
    assertThatExceptionOfType(PlanMismatchException.class)
        .isThrownBy(() ->
            new CountPlan(
                    layout(1, 32),
                    step(snap(new Snap.MultipleOf(8)), RouterMode.MASK),
                    Target.RESEARCH,
                    List.of())
                .of(counts(4)))
        .withMessageStartingWith("snap: 8, but with \"router: mask\" all experts stay on disk");
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
  void oneRoundIsEnough(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int experts = random.nextInt(8, 65);
    Snap snap = random.nextBoolean() ? Snap.NONE : new Snap.MultipleOf(random.nextInt(1, 5));
    Target target = List.of(Target.values()).get(random.nextInt(Target.values().length));
    CountPlan plan = plan(layout(3, experts), snap(snap), target);
    SortedMap<Integer, Integer> asked = counts(random.ints(3, 4, experts + 1).toArray());

    SortedMap<Integer, Integer> once = plan.of(asked).counts();

    assertThat(plan.of(once)).isEqualTo(new CountPlan.Outcome(once, List.of()));
    assertThat(once.values()).allSatisfy(count -> assertThat(count).isBetween(2, experts));
  }

  // Before anything is measured.

  @Test
  void aThresholdForAllLayersIsRefusedWhereNumbersMustNotBeMadeOne() {
    CountOptions options = new CountOptions(Optional.of(AllocationMode.GLOBAL), Snap.NONE, false);

    assertThatExceptionOfType(PlanMismatchException.class)
        .isThrownBy(() -> plan(layout(2, 32), options, Target.TRANSFORMERS).requireOneNumber())
        .withMessage(
            "transformers: uniform-experts: allocation: global gives each layer its own number of"
                + " experts (expected one number for all layers). The nearest is 16 in every layer:"
                + " leave out \"uniformise: false\", or use \"target: research\".");
    plan(layout(2, 32), options, Target.RESEARCH).requireOneNumber();
    plan(layout(2, 32), PLAIN.spread(AllocationMode.GLOBAL), Target.VLLM).requireOneNumber();
  }

  private static CountPlan plan(ModelLayout layout, CountOptions options, Target target) {
    return new CountPlan(layout, step(options, RouterMode.SLICE), target, List.of());
  }

  private static PruneStep step(CountOptions options, RouterMode mode) {
    return new PruneStep(
        new Idle(),
        new KeepCount(16),
        new Protection(false, List.of()),
        RouterOptions.of(mode),
        options);
  }

  private static CountOptions snap(Snap snap) {
    return new CountOptions(Optional.empty(), snap, true);
  }

  private static ModelLayout layout(int layers, int experts) {
    return layout(layers, experts, 2);
  }

  private static ModelLayout layout(int layers, int experts, int topK) {
    return ModelLayout.of(
        ModelConfig.parse(TinyMoe.qwen3().layers(layers).experts(experts).topK(topK).configJson()));
  }

  private static ModelLayout deepseek() throws IOException {
    return ModelLayout.of(
        ModelConfig.parse(Files.readString(TestData.path("models/tiny-deepseekv3/config.json"))));
  }

  private static SortedMap<Integer, Integer> counts(int... numbers) {
    SortedMap<Integer, Integer> counts = new TreeMap<>();
    for (int layer = 0; layer < numbers.length; layer++) {
      counts.put(layer, numbers[layer]);
    }
    return counts;
  }

  private static SortedMap<Integer, Integer> byLayer(ModelLayout layout, int... numbers) {
    SortedMap<Integer, Integer> counts = new TreeMap<>();
    for (int place = 0; place < numbers.length; place++) {
      counts.put(layout.moeLayers().get(place), numbers[place]);
    }
    return counts;
  }
}
