package io.moepress.recipes.target;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.architecture.ExpertGroups;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What runtimes say about numbers of experts, before anything is measured.
class TargetRulesTest {

  @Test
  void sglangFallsBackWhenBiasedRoutersDoNotHaveAPowerOfTwoExperts() throws IOException {
    assertThat(check(Target.SGLANG, "tiny-deepseekv3", 12))
        .containsExactly(
            new Finding(
                "power-of-two-experts",
                "sglang",
                Severity.WARNING,
                "12 experts",
                "a power of two",
                "The nearest is 16 in every layer."));
    assertThat(check(Target.SGLANG, "tiny-deepseekv3", 8)).isEmpty();
    assertThat(check(Target.SGLANG, "tiny-mixtral", 6)).isEmpty();
  }

  @Test
  void sglangFallsBackWhenGroupsAreLarge() {
    ExpertGroups eight = new ExpertGroups(8, 4, ExpertGroups.NONE.score());

    assertThat(rules(Target.SGLANG, numbers("deepseek_v3", eight, 256, 512))).isEmpty();
    assertThat(rules(Target.SGLANG, numbers("deepseek_v3", eight, 512, 512)))
        .containsExactly("group-size");
  }

  @Test
  void llamaCppHoldsAtMost512Experts() {
    assertThat(rules(Target.LLAMA_CPP, plain(512))).isEmpty();
    assertThat(TargetRules.check(Target.LLAMA_CPP, plain(513)))
        .extracting(Finding::text)
        .containsExactly(
            "llama.cpp: expert-limit: 513 experts (expected at most 512). The nearest is 512 in every"
                + " layer.");
  }

  @Test
  void vllmNotesNumbersThatExpertParallelismCannotSpread() {
    assertThat(TargetRules.check(Target.VLLM, plain(12)))
        .containsExactly(
            new Finding(
                "parallel-experts",
                "vllm",
                Severity.NOTE,
                "12 experts, which expert parallelism spreads over [1, 2, 3, 4, 6] accelerators",
                "a number that divides by [2, 4, 8]",
                "The nearest is 8 in every layer."));
    assertThat(rules(Target.VLLM, plain(6))).containsExactly("parallel-experts");
    assertThat(rules(Target.VLLM, plain(24))).isEmpty();
    assertThat(rules(Target.VLLM, plain(2))).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 128, 256, 192, 320, 576})
  void vllmTakesTheseNumbersOfDeepseekV4(int experts) {
    assertThat(rules(Target.VLLM, numbers("deepseek_v4", ExpertGroups.NONE, experts, 600)))
        .doesNotContain("deepseek-v4-experts");
  }

  @ParameterizedTest
  @ValueSource(ints = {3, 144, 160, 512 + 256})
  void vllmTakesNoOthersOfDeepseekV4(int experts) {
    assertThat(rules(Target.VLLM, numbers("deepseek_v4", ExpertGroups.NONE, experts, 800)))
        .contains("deepseek-v4-experts");
    assertThat(rules(Target.VLLM, numbers("deepseek_v3", ExpertGroups.NONE, experts, 800)))
        .doesNotContain("deepseek-v4-experts");
  }

  @Test
  void theNearestNumberKeepsEveryRuleThatMattersAsMuch() {
    ExpertGroups four = new ExpertGroups(4, 2, ExpertGroups.NONE.score());

    assertThat(wayOut(Target.TRANSFORMERS, numbers("deepseek_v3", four, 13, 32), "expert-groups"))
        .isEqualTo("The nearest is 12 in every layer.");
    assertThat(wayOut(Target.SGLANG, numbers("deepseek_v3", four, 13, 32), "power-of-two-experts"))
        .isEqualTo("The nearest is 16 in every layer.");
  }

  @Test
  void neitherMoreThanThereAreNorFewerThanATokenUsesIsProposed() {
    assertThat(wayOut(Target.TRANSFORMERS, plain(1), "top-k"))
        .isEqualTo("The nearest is 2 in every layer.");
    ExpertNumbers thirteen =
        numbers("deepseek_v3", new ExpertGroups(4, 2, ExpertGroups.NONE.score()), 13, 13);
    assertThat(wayOut(Target.TRANSFORMERS, thirteen, "expert-groups"))
        .isEqualTo("The nearest is 12 in every layer.");
  }

  @ParameterizedTest
  @EnumSource(Target.class)
  void onlyResearchTakesLayersThatDiffer(Target target) {
    SortedMap<Integer, Integer> byLayer = new TreeMap<>();
    byLayer.put(0, 8);
    byLayer.put(1, 6);
    byLayer.put(3, 4);
    ExpertNumbers uneven =
        new ExpertNumbers(byLayer, 2, ExpertGroups.NONE, false, "mixtral", 8, false);

    List<Finding> findings = TargetRules.check(target, uneven);

    if (target == Target.RESEARCH) {
      assertThat(findings).isEmpty();
    } else {
      assertThat(findings).extracting(Finding::rule).containsExactly("uniform-experts");
      assertThat(findings.getFirst().found())
          .isEqualTo("4 experts in layers [3], 6 experts in layers [1], 8 experts in layers [0]");
      assertThat(findings.getFirst().wayOut()).isEqualTo("The nearest is 6 in every layer.");
    }
  }

  /// Fewer experts than a token uses are no harm where it chooses from more rows.
  @ParameterizedTest
  @EnumSource(Target.class)
  void onlyResearchTakesRowsThatLeadToOneExpert(Target target) {
    List<Finding> findings = TargetRules.check(target, plain(1).withMap());

    if (target == Target.RESEARCH) {
      assertThat(findings).isEmpty();
    } else {
      assertThat(findings).extracting(Finding::rule).containsExactly("expert-map");
      assertThat(findings.getFirst().text())
          .contains(
              target.label() + ": expert-map: several router rows lead to one expert",
              "Merge with \"router: dominant\", or use \"target: research\".");
    }
  }

  @Test
  void aRuntimeTakesSomeNumbersAndRunsSomeOfThemBest() {
    ExpertGroups four = new ExpertGroups(4, 2, ExpertGroups.NONE.score());
    ExpertNumbers sixteen = numbers("deepseek_v3", four, 16, 16);

    assertThat(TargetRules.legalCounts(Target.SGLANG, sixteen)).containsExactly(4, 8, 12, 16);
    assertThat(TargetRules.smoothCounts(Target.SGLANG, sixteen)).containsExactly(4, 8, 16);
    assertThat(TargetRules.legalCounts(Target.TRANSFORMERS, plain(5)))
        .isEqualTo(IntStream.rangeClosed(2, 5).boxed().toList());
  }

  private static String wayOut(Target target, ExpertNumbers numbers, String rule) {
    return TargetRules.check(target, numbers).stream()
        .filter(finding -> finding.rule().equals(rule))
        .findFirst()
        .orElseThrow()
        .wayOut();
  }

  private static List<String> rules(Target target, ExpertNumbers numbers) {
    return TargetRules.check(target, numbers).stream().map(Finding::rule).toList();
  }

  /// A router without groups and bias, two experts for each token.
  private static ExpertNumbers plain(int experts) {
    return new ExpertNumbers(
        new TreeMap<>(Map.of(0, experts)),
        2,
        ExpertGroups.NONE,
        false,
        "mixtral",
        Math.max(experts, 4),
        false);
  }

  private static ExpertNumbers numbers(
      String modelType, ExpertGroups groups, int experts, int available) {
    return new ExpertNumbers(
        new TreeMap<>(Map.of(0, experts)), 2, groups, true, modelType, available, false);
  }

  private static List<Finding> check(Target target, String model, int experts) throws IOException {
    String config = Files.readString(TestData.path("models/" + model + "/config.json"));
    ModelLayout layout = ModelLayout.of(ModelConfig.parse(config));
    ExpertNumbers numbers = ExpertNumbers.of(layout);
    return TargetRules.check(target, numbers.uniform(experts));
  }
}
