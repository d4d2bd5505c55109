package io.moepress.recipes.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.recipes.plan.Budget;
import io.moepress.recipes.plan.KeepCount;
import io.moepress.recipes.plan.KeepRatio;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What a recipe compares: candidates times budgets, and lots as the floor.
class ComparisonReaderTest {
  /// Steps with budgets and without.
  private static final String COMPLETE =
      """
      model: in
      output: out
      seed: 7
      compare:
        keep: [75%, 0.5]
        candidates:
          - prune: {method: easy-ep, protect: {super-experts: false, experts: ["3:17"]}, router: mask, top-k: 2, groups: none, multi-token-prediction: prune}
          - name: idle ones first
            steps:
              - prune: {method: strict, weight: 1, experts: 28, protect: {super-experts: false, experts: ["3:17"]}}
              - prune: {method: easy-ep}
        random: 2
      evaluate: {data: [a.txt]}
      """;

  @Test
  void everyCandidateMeetsEveryBudgetAndLotsComeLast() {
    assertThat(titles(COMPLETE))
        .containsExactly(
            "easy-ep at 75%",
            "easy-ep at 0.5",
            "idle ones first at 28 + 75%",
            "idle ones first at 28 + 0.5",
            "random at 75%, seed 7",
            "random at 75%, seed 8",
            "random at 0.5, seed 7",
            "random at 0.5, seed 8");
  }

  @Test
  void aBudgetIsFilledInAsIfItStoodInTheStep() {
    List<RecipeStep> written =
        read("""
        model: in
        output: out
        steps:
          - prune: {method: strict, weight: 1, experts: 28, protect: {super-experts: false, experts: ["3:17"]}}
          - prune: {method: easy-ep, keep: 50%}
        """)
            .steps();

    assertThat(contenders(COMPLETE).get(3).steps()).isEqualTo(written);
  }

  @Test
  void lotsAreDrawnAnewWithEachSeed() {
    List<Contender> lots = contenders(COMPLETE).subList(4, 8);

    assertThat(lots.stream().map(ComparisonReaderTest::method))
        .containsExactly(
            new SampleMethods.Random(7),
            new SampleMethods.Random(8),
            new SampleMethods.Random(7),
            new SampleMethods.Random(8));
    assertThat(lots.stream().map(ComparisonReaderTest::budget))
        .containsExactly(
            KeepRatio.parse("75%"),
            KeepRatio.parse("75%"),
            KeepRatio.parse("50%"),
            KeepRatio.parse("50%"));
  }

  @Test
  void lotsAreDrawnThreeTimesUnlessTheRecipeSaysOtherwise() {
    String text = comparing("experts: [4, 2], candidates: [prune: {method: easy-ep}]");

    assertThat(titles(text)).hasSize(2 + 2 * 3).contains("random at 2, seed 44");
    assertThat(titles(text.replace("experts:", "random: 0, experts:")))
        .containsExactly("easy-ep at 4", "easy-ep at 2");
    assertThat(budget(contenders(text).getFirst())).isEqualTo(new KeepCount(4));
  }

  @Test
  void aCandidateWithBudgetsOfItsOwnIsThereOnce() {
    assertThat(
            titles(
                comparing(
                    "random: 0, keep: [75%, 50%], candidates: [prune: {method: easy-ep, experts:"
                        + " 3}, prune: {method: random, seed: 1}]")))
        .containsExactly("easy-ep at 3", "random at 75%", "random at 50%");
    assertThat(titles(comparing("candidates: [prune: {method: easy-ep, keep: 50%}]")))
        .as("nothing varies, so there are no lots either")
        .containsExactly("easy-ep at 50%");
  }

  @Test
  void stepsThatMergeTakeTheSameBudgetsAndOthersTakeNone() {
    assertThat(
            titles(
                comparing(
                    "random: 0, keep: [75%, 50%], candidates: [merge: {method: gather}, sparsify:"
                        + " {method: idle, sparsity: 40%}, {steps: [merge: {method: gather},"
                        + " sparsify: {method: idle, pattern: 2:4}]}]")))
        .containsExactly(
            "gather at 75%",
            "gather at 50%", "idle", "gather + idle at 75%", "gather + idle at 50%");
  }

  @Test
  void variantsOfAMethodAreCalledAfterTheirOptions() {
    assertThat(
            titles(
                comparing(
                    "random: 0, keep: [50%], candidates: [prune: {method: strict, weight: 0.5},"
                        + " prune: {method: strict, weight: 1, protect: {super-experts: false}},"
                        + " prune: {method: easy-ep, router: mask}]")))
        .containsExactly(
            "strict (weight 0.5) at 50%",
            "strict (weight 1, protect super-experts false) at 50%", "easy-ep at 50%");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "keep: [50%]|4: compare.candidates: missing (expected a list of steps)",
        "candidates: []|4: compare.candidates: an empty list (expected at least one candidate)",
        "keep: [], candidates: [prune: {method: easy-ep}]|4: compare.keep: an empty list (expected"
            + " at least one budget)",
        "keep: 50%, candidates: [prune: {method: easy-ep}]|4: compare.keep: \"50%\" (expected a"
            + " list). Write [\"50%\"]",
        "keep: [50%], experts: [2], candidates: [prune: {method: easy-ep}]|4: compare: both keep"
            + " and experts (expected one of them). Remove one",
        "keep: [50%, 150%], candidates: [prune: {method: easy-ep}]|4: compare.keep[1]: 150%"
            + " (expected more than 0% and at most 100%)",
        "candidates: [prune: {method: easy-ep}]|4: compare.candidates[0].prune: no budget (expected"
            + " keep or experts). Add \"keep: 50%\" or \"experts: 16\"",
        "keep: [50%], candidates: [prune: {method: easy-ep}, prune: {method: easy-ep}]|4:"
            + " compare.candidates[1]: a second candidate called \"easy-ep\" (expected different"
            + " names). Write {name: ..., steps: [...]}",
        "keep: [50%], candidates: [prune: {method: random}]|4: compare.candidates[0]: a second"
            + " \"random\" (it is drawn in any case). Remove it, or say random: 0",
        "keep: [50%, 50%], candidates: [prune: {method: easy-ep}]|4: compare: easy-ep at 50% is"
            + " there twice. Remove one",
        "keep: [50%], candidates: [{name: x, steps: []}]|4: compare.candidates[0].steps: an empty"
            + " list (expected at least one step)",
        "keep: [50%], candidates: [prune: {method: easyep}]|4: compare.candidates[0].prune.method:"
            + " \"easyep\" (expected one of: easy-ep, random, strict). Did you mean \"easy-ep\"?",
        "keep: [50%], candidates: [prune: {method: easy-ep, kep: 3}]|4: unknown key \"kep\" in"
            + " \"compare.candidates[0].prune\"; known: allocation, experts, groups, keep,"
            + " method, multi-token-prediction, protect, router, snap, top-k, uniformise. Did you mean \"keep\"?",
        "keep: [50%], candidates: [prun: {method: easy-ep}]|4: compare.candidates[0]: unknown step"
            + " \"prun\"; known: prune, merge, sparsify, quantize. Did you mean \"prune\"?",
        "keep: [50%], seeds: 3, candidates: [prune: {method: easy-ep}]|4: unknown key \"seeds\" in"
            + " \"compare\"; known: candidates, experts, keep, random",
        "keep: [50%], random: -1, candidates: [prune: {method: easy-ep}]|4: compare.random: -1"
            + " (expected a whole number from 0 to 2147483647)",
      })
  void mistakesAreToldWithTheirPlace(String section, String message) {
    refused(comparing(section), message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "steps: [prune: {method: easy-ep, keep: 50%}]|5: steps: beside \"compare\" (expected no such"
            + " key): nothing is done but compared. Make it a candidate",
        "max-shard-size: 5GB|5: max-shard-size: beside \"compare\" (expected no such key): no"
            + " weights are written. Remove it",
      })
  void keysThatSayNothingBesideAComparisonAreRefused(String line, String message) {
    String text = comparing("keep: [50%], candidates: [prune: {method: easy-ep}]");
    refused(text.replace("evaluate:", line + "\nevaluate:"), message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "baselines: [random]|5: evaluate.baselines: beside \"compare\" (expected no such key): make"
            + " them candidates",
        "gates: {kl-divergence: 1}|5: evaluate.gates: beside \"compare\" (expected no such key):"
            + " there is no one result to judge. Remove them",
      })
  void gatesAndBaselinesAreForRuns(String key, String message) {
    String text = comparing("keep: [50%], candidates: [prune: {method: easy-ep}]");
    refused(text.replace("[a.txt]", "[a.txt], " + key), message);
  }

  @Test
  void aComparisonNeedsDataToCompareOn() {
    String text = comparing("keep: [50%], candidates: [prune: {method: easy-ep}]");
    refused(
        text.substring(0, text.indexOf("evaluate")),
        "1: evaluate: missing (expected data to compare on)");
  }

  @Test
  void aRecipeWithStepsIsWhatOtherCommandsNeed() {
    Recipe comparing = read(COMPLETE);

    assertThatExceptionOfType(RecipeException.class)
        .isThrownBy(comparing::requireSteps)
        .withMessage(
            "recipe.yaml: compares and has no steps (expected steps). Run moepress compare"
                + " recipe.yaml");
    List<RecipeStep> steps = contenders(COMPLETE).getFirst().steps();
    assertThat(comparing.with(steps).requireSteps().steps()).isEqualTo(steps);
  }

  private static void refused(String recipe, String message) {
    assertThatExceptionOfType(RecipeException.class)
        .isThrownBy(() -> read(recipe))
        .withMessage("recipe.yaml:" + message);
  }

  private static String comparing(String section) {
    return "model: in\noutput: out\nseed: 42\ncompare: {"
        + section
        + "}\nevaluate: {data: [a.txt]}\n";
  }

  private static List<String> titles(String recipe) {
    return contenders(recipe).stream().map(Contender::title).toList();
  }

  private static List<Contender> contenders(String recipe) {
    return read(recipe).comparison().map(ComparisonSpec::contenders).orElseThrow();
  }

  private static Object method(Contender contender) {
    return step(contender).method();
  }

  private static Budget budget(Contender contender) {
    return step(contender).budget();
  }

  private static PruneStep step(Contender contender) {
    return Optional.of(contender.steps().getFirst()).map(PruneStep.class::cast).orElseThrow();
  }

  private static Recipe read(String yaml) {
    return RecipeReader.read(
        Path.of("recipe.yaml"), yaml.getBytes(StandardCharsets.UTF_8), new SampleMethods());
  }
}
