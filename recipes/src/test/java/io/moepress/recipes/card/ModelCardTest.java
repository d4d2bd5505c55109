package io.moepress.recipes.card;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.recipes.evaluation.Evaluation;
import io.moepress.recipes.evaluation.Evaluation.CorpusScore;
import io.moepress.recipes.evaluation.GateCheck.Outcome;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.Plan;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

class ModelCardTest {
  private static final String SOURCE =
      """
      ---
      license: apache-2.0
      license_link: https://example.org/LICENSE
      language:
      - en
      - de
      tags: [chat, "math"]
      base_model: other/Base
      model-index:
      - name: Banana
        results: []
      # the languages it knows
      pipeline_tag: text-generation
      ---

      # Banana 8x7B

      Sings.
      """;

  @Test
  void whatHoldsOfTheSourceStaysInTheFrontMatter() {
    assertThat(frontMatter(card(SOURCE)))
        .isEqualTo(
            new Load(LoadSettings.builder().build())
                .loadFromString(
                    """
                    base_model: banana
                    library_name: transformers
                    tags: [moepress, mixture-of-experts, easy-ep, chat, math]
                    license: apache-2.0
                    license_link: https://example.org/LICENSE
                    language: [en, de]
                    pipeline_tag: text-generation
                    """));
  }

  @Test
  void theCardOfTheSourceStandsBelowAsItWas() {
    assertThat(card(SOURCE))
        .endsWith(
            """
            # The card of banana

            What follows was written about the source, not about this model.

            # Banana 8x7B

            Sings.
            """)
        .doesNotContain("model-index");
  }

  /// Nothing of it is lost, and nothing of it can break the new front matter.
  @ParameterizedTest
  @ValueSource(
      strings = {
        "---\nlicense: mit\nno key here\n---\nText.",
        "---\nlicense: mit\nlicense: other\n---\nText.",
        "---\nlicense: mit\nText.",
        "---\n\tlicense: mit\n---\nText.",
        "Text only."
      })
  void aCardWithOddFrontMatterStandsBelowAsAWhole(String odd) {
    String card = card(odd);

    assertThat(frontMatter(card)).isInstanceOf(Map.class);
    assertThat(card).endsWith("not about this model.\n\n" + odd + "\n");
  }

  @Test
  void saysWhatWasDoneAndHowLargeItIs() {
    assertThat(card(null))
        .contains("- easy-ep: 1 of 2 experts stay, in 2 layers\n")
        .contains("- super experts: none\n")
        .contains("| experts in a layer | 2 | 1 |\n| parameters | 2,000 | 1,500 |\n")
        .contains("| weights | 4.0 KiB | 3.0 KiB |\n")
        .contains("| source | `sha256:feed` |\n| evidence | `sha256:beef` |\n| plan | `sha256:")
        .doesNotContain("## Evaluation", "The card of");
  }

  @Test
  void saysHowGoodItIs() {
    Evaluation before = evaluation(10);
    Evaluation after = evaluation(12.5);
    Outcome gate = new Outcome("perplexity-ratio", "a/math.jsonl", 1.25, 1.2, false);

    String card =
        ModelCard.of(Path.of("banana"), null, plan())
            .with(new CardScores(before, after, List.of(gate)))
            .text();

    assertThat(card)
        .contains("| perplexity, math.jsonl | 10.00 | 12.50 |\n")
        .contains("- perplexity-ratio, math.jsonl: 1.2500, limit 1.2000: missed\n");
  }

  @Test
  void aNameFromTheCacheOfTheHubIsTheOneOfTheHub() {
    assertThat(ModelCard.name(Path.of("/c/hub/models--Qwen--Qwen3-30B-A3B/snapshots/ab12")))
        .isEqualTo("Qwen/Qwen3-30B-A3B");
    assertThat(ModelCard.name(Path.of("/models/Qwen3-30B-A3B/."))).isEqualTo("Qwen3-30B-A3B");
  }

  @Test
  void aNameCannotBreakOut() {
    String card = ModelCard.of(Path.of("/m/a\"b\n---\nx"), null, plan()).text();

    assertThat(frontMatter(card).toString()).contains("library_name=transformers");
    assertThat(card.lines().filter("---"::equals)).hasSize(2);
  }

  private static Object frontMatter(String card) {
    int end = card.indexOf("\n---\n", 4);
    return new Load(LoadSettings.builder().build()).loadFromString(card.substring(4, end));
  }

  private static String card(@Nullable String original) {
    return ModelCard.of(Path.of("banana"), original, plan()).text();
  }

  private static Evaluation evaluation(double perplexity) {
    CorpusScore score = new CorpusScore("a/math.jsonl", 1, 1, 0, perplexity, null);
    return new Evaluation(List.of(score), List.of(), null);
  }

  private static Plan plan() {
    return new Plan(
        Plan.FORMAT_VERSION,
        "moepress",
        "qwen3_moe",
        null,
        "sha256:feed",
        "sha256:beef",
        "transformers",
        new Plan.Size(2, 2000, 4096),
        new Plan.Size(1, 1500, 3072),
        List.of("super experts: none"),
        List.of(keep(0), keep(1)));
  }

  private static KeepExperts keep(int layer) {
    return new KeepExperts(layer, "easy-ep", "slice", List.of(1), List.of(), List.of(1.0, 2.0));
  }
}
