package io.moepress.recipes.recipe;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.MethodDescription.Option;
import io.moepress.recipes.recipe.RecipeReference.Part;
import io.moepress.recipes.recipe.RecipeReference.Row;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RecipeReferenceTest {
  private static final List<Part> PARTS = new RecipeReference(new SampleMethods()).parts();

  @Test
  void everyPartIsThereInTheOrderOfARecipe() {
    assertThat(PARTS)
        .extracting(Part::name)
        .containsExactly(
            "recipe",
            "gguf",
            "calibration",
            "prune",
            "merge",
            "sparsify",
            "quantize",
            "compare",
            "evaluate");
  }

  /// What a key takes and what holds without it follow from the schema alone.
  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "recipe; model; a path; required",
        "recipe; target; `transformers`, `vllm`, `sglang`, `llama.cpp` or `research`; `transformers`; `llama.cpp` for a GGUF file",
        "recipe; steps; a list, each item a step; this or `compare`",
        "recipe; compare; a map; this or `steps`",
        "gguf; pure; `true` or `false`; `false`",
        "calibration; data; a list, each item a path, or a map; required",
        "calibration; data[].weight; a number above 0; `1`",
        "calibration; data[].samples; a whole number from 1 on; all",
        "prune; method; `easy-ep`, `random` or `strict`; required",
        "prune; keep; a share such as `50%` or `0.5`; this or `experts`",
        "prune; snap; a whole number from 1 on, or `target`; none",
        "prune; protect.super-experts; `true` or `false`; `true`",
        "quantize; allocate; `idle-bits`; this or `scheme`",
        "quantize; bits; a number from 1 to 8; this or `fit`",
        "quantize; others.scheme; a scheme such as `W4A16`; required",
        "compare; candidates[].steps; a list, each item a step; required",
        "evaluate; gates.top1-agreement; a number from 0 to 1; no gate",
      })
  void aKeyTellsWhatTheSchemaTells(String part, String key, String takes, String standard) {
    assertThat(row(part, key).takes()).isEqualTo(takes);
    assertThat(row(part, key).defaultValue()).startsWith(standard);
  }

  private static Row row(String part, String key) {
    return PARTS.stream()
        .filter(it -> it.name().equals(part))
        .flatMap(it -> it.keys().stream())
        .filter(it -> it.key().equals(key))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void aKeyIsARowOfATable() {
    Row row = new Row("protect.experts", "a list", "`a|b`, see [here](there.md).", "none");

    assertThat(RecipeReference.table(List.of(row)))
        .isEqualTo(
            """
            | key | takes | meaning | default |
            |---|---|---|---|
            | `protect.experts` | a list | `a\\|b`, see [here](there.md). | none |
            """);
  }

  @Test
  void aLinkInParenthesesGoesWithThemAndOfAnyOtherItsTextStays() {
    assertThat(RecipeReference.withoutLinks("The runtime ([its rules](targets.md)), and no more."))
        .isEqualTo("The runtime, and no more.");
    assertThat(RecipeReference.withoutLinks("[What is best](gguf.md#what) within `fit` (or not)."))
        .isEqualTo("What is best within `fit` (or not).");
    assertThat(RecipeReference.withoutLinks("choices: [...], (a) [b]"))
        .isEqualTo("choices: [...], (a) [b]");
  }

  @Test
  void anOptionOfAMethodIsToldLikeAKey() {
    MethodDescription method =
        new MethodDescription(
            "peak",
            "",
            "",
            "",
            "",
            List.of(
                Option.choice("score", List.of("raw", "fine"), "by what", "raw"),
                new Option("seed", "a whole number", "decides", "the seed of the recipe")),
            "");

    assertThat(RecipeReference.options(method))
        .containsExactly(
            new Row("score", "`raw` or `fine`", "By what.", "`raw`"),
            new Row("seed", "a whole number", "Decides.", "the seed of the recipe"));
  }
}
