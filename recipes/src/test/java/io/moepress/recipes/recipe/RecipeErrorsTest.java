package io.moepress.recipes.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Each line of a good recipe is replaced by a bad one; the message is what its author reads.
class RecipeErrorsTest {
  private static final String RECIPE =
      """
      model: in
      output: out
      target: transformers
      seed: 42
      max-shard-size: 5GB
      calibration:
        data: [math.jsonl]
        max-tokens: 512
        order: file
      steps:
        - prune:
            method: easy-ep
            keep: 50%
            protect: {super-experts: true, experts: ["3:17"]}
            router: slice
      evaluate:
        data: [math.jsonl]
        baselines: [random]
        gates:
          perplexity-ratio: 1.25
          kl-divergence: 0.5
          top1-agreement: 0.6
          accuracy-drop: 0.02
      """;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '^',
      value = {
        "model: in | modle: in | 1: model: missing (expected a local directory). Did you mean it by \"modle\"?",
        "model: in | seeed: 42 | 1: model: missing (expected a local directory)",
        "model: in | model: | 1: model: no value (expected a path)",
        "model: in | model: \"a\\0b\" | 1: model: Nul character not allowed: a?b",
        "output: out | outptu: out | 2: output: missing (expected a directory to write). Did you mean it by \"outptu\"?",
        "output: out | output: ./in | 2: output: \"./in\" is the directory of the model (expected another one). The model is never overwritten",
        "target: transformers | target: vlm | 3: target: \"vlm\" (expected one of: transformers, vllm, sglang, llama.cpp, research). Did you mean \"vllm\"?",
        "seed: 42 | seed: abc | 4: seed: \"abc\" (expected a whole number)",
        "seed: 42 | sede: 42 | 4: unknown key \"sede\" in the recipe; known: architecture, calibration, compare, evaluate, gguf, max-shard-size, model, output, seed, steps, target. Did you mean \"seed\"?",
        "max-shard-size: 5GB | max-shard-size: 5G | 5: max-shard-size: \"5G\": unknown unit (expected a size such as 5GB, 512MiB or 4096)",
        "max-shard-size: 5GB | max-shard-size: 0GB | 5: max-shard-size: 0B (expected more than nothing)",
        "max-shard-size: 5GB | max-shard-size: [] | 5: max-shard-size: a list (expected a size such as 5GB, 512MiB or 4096)",
        "data: [math.jsonl] | data: [{file: math.jsonl, samples: 5, weight: 2}] | 7: calibration.data[0]: samples and weight: both (expected one of them)",
        "data: [math.jsonl] | data: [{file: math.jsonl, weight: 2}] | 6: calibration: data: math.jsonl: a weight, but no samples of all data to share. Say samples beside data",
        "data: [math.jsonl] | data: [{file: math.jsonl, weight: 0}] | 7: calibration.data[0].weight: weight: 0.0 (expected more than 0)",
        "data: [math.jsonl] | data: [{file: math.jsonl, weight: all}] | 7: calibration.data[0].weight: \"all\" (expected a number)",
        "max-tokens: 512 | max-tokens: 0 | 8: calibration.max-tokens: 0 (expected a whole number from 1 to 2147483647)",
        "order: file | order: random | 9: calibration.order: \"random\" (expected one of: file, shuffled)",
        "order: file | odrer: file | 9: unknown key \"odrer\" in \"calibration\"; known: data, max-tokens, order, reservoir-tokens, samples. Did you mean \"order\"?",
      })
  void mistakesInTheHead(String good, String bad, String message) {
    assertRefused(good, bad, message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '^',
      value = {
        "[math.jsonl] | math.jsonl | 7: calibration.data: \"math.jsonl\" (expected a list). Write [\"math.jsonl\"]",
        "[math.jsonl] | [] | 7: calibration.data: an empty list (expected at least one file)",
        "[math.jsonl] | [[]] | 7: calibration.data[0]: a list (expected a path)",
        "[math.jsonl] | [{samples: 3}] | 7: calibration.data[0].file: missing (expected a file of texts)",
        "[math.jsonl] | [{file: a, samples: 0}] | 7: calibration.data[0].samples: 0 (expected a whole number from 1 to 2147483647)",
        "[math.jsonl] | [{file: a, samples: all}] | 7: calibration.data[0].samples: \"all\" (expected a whole number)",
        "[math.jsonl] | [{file: a, name: ''}] | 7: calibration.data[0].name: \"\" (expected text)",
        "[math.jsonl] | [{file: a, sample: 3}] | 7: unknown key \"sample\" in \"calibration.data[0]\"; known: file, name, samples, weight. Did you mean \"samples\"?",
        "data: | date: | 7: calibration.data: missing (expected a list of files). Did you mean it by \"date\"?",
      })
  void mistakesInTheData(String good, String bad, String message) {
    assertRefused(good, bad, message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '^',
      value = {
        "- prune: | - prun: | 11: steps[0]: unknown step \"prun\"; known: prune, merge, sparsify, quantize. Did you mean \"prune\"?",
        "- prune: | - fold: | 11: steps[0]: unknown step \"fold\"; known: prune, merge, sparsify, quantize",
        "method: easy-ep | methd: easy-ep | 12: steps[0].prune.method: missing (expected the name of a method). Did you mean it by \"methd\"?",
        "method: easy-ep | method: easyep | 12: steps[0].prune.method: \"easyep\" (expected one of: easy-ep, random, strict). Did you mean \"easy-ep\"?",
        "method: easy-ep | method: magic | 12: steps[0].prune.method: \"magic\" (expected one of: easy-ep, random, strict)",
        "method: easy-ep | method: {strict: 1} | 12: steps[0].prune.method: a map (expected one of: easy-ep, random, strict)",
        "method: easy-ep | method: strict | 11: steps[0].prune.weight: missing (expected a number)",
        "keep: 50% | kep: 50% | 13: unknown key \"kep\" in \"steps[0].prune\"; known: allocation, experts, groups, keep, method, multi-token-prediction, protect, router, snap, top-k, uniformise. Did you mean \"keep\"?",
        "keep: 50% | keep: 0% | 13: steps[0].prune.keep: 0% would leave no expert (expected more than 0% and at most 100%)",
        "keep: 50% | keep: -5% | 13: steps[0].prune.keep: -5% (expected more than 0% and at most 100%)",
        "keep: 50% | keep: 150% | 13: steps[0].prune.keep: 150% (expected more than 0% and at most 100%)",
        "keep: 50% | keep: 50 | 13: steps[0].prune.keep: 50 (expected a ratio such as 50% or 0.5). Write \"keep: 50%\" for a share, or \"experts: 50\" for a count",
        "keep: 50% | keep: [50%] | 13: steps[0].prune.keep: a list (expected a ratio such as 50% or 0.5)",
        "keep: 50% | experts: 0 | 13: steps[0].prune.experts: 0 would leave no expert (expected at least 1)",
        "keep: 50% | experts: -2 | 13: steps[0].prune.experts: -2 (expected at least 1)",
        "keep: 50% | experts: [4, 0] | 13: steps[0].prune.experts[1]: 0 (expected a whole number from 1 to 2147483647)",
        "keep: 50% | experts: [] | 13: steps[0].prune.experts: an empty list (expected a number for each layer)",
        "keep: 50% | experts: [4, x] | 13: steps[0].prune.experts[1]: \"x\" (expected a whole number)",
        "keep: 50% | experts: 50% | 13: steps[0].prune.experts: \"50%\" (expected a whole number)",
        "keep: 50% | '' | 11: steps[0].prune: no budget (expected keep or experts). Add \"keep: 50%\" or \"experts: 16\"",
        "router: slice | experts: 4 | 11: steps[0].prune: both keep and experts (expected one of them). Remove one",
        "router: slice | router: slcie | 15: steps[0].prune.router: \"slcie\" (expected one of: slice, mask). Did you mean \"slice\"?",
        "router: slice | top-k: 0 | 15: steps[0].prune.top-k: \"0\" (expected a whole number from 1 on, or fit)",
        "router: slice | top-k: few | 15: steps[0].prune.top-k: \"few\" (expected a whole number from 1 on, or fit)",
        "router: slice | allocation: even | 15: steps[0].prune.allocation: \"even\" (expected one of: uniform, global)",
        "router: slice | snap: 0 | 15: steps[0].prune.snap: \"0\" (expected a whole number from 1 on, or target)",
        "router: slice | snap: taget | 15: steps[0].prune.snap: \"taget\" (expected a whole number from 1 on, or target)",
        "router: slice | uniformise: 1 | 15: steps[0].prune.uniformise: 1 (expected true or false)",
        "router: slice | groups: on | 15: steps[0].prune.groups: \"on\" (expected one of: keep, none)",
        "router: slice | multi-token-prediction: dorp | 15: steps[0].prune.multi-token-prediction: \"dorp\" (expected one of: drop, prune). Did you mean \"drop\"?",
        "super-experts: true | super-experts: 1 | 14: steps[0].prune.protect.super-experts: 1 (expected true or false)",
        "super-experts: true | super-expert: true | 14: unknown key \"super-expert\" in \"steps[0].prune.protect\"; known: experts, super-experts. Did you mean \"super-experts\"?",
        "[\"3:17\"] | [\"3-17\"] | 14: steps[0].prune.protect.experts[0]: \"3-17\" (expected layer:expert such as 3:17)",
        "[\"3:17\"] | [\"3:17\", 3:17] | 14: steps[0].prune.protect.experts: expert 3:17 is listed twice. Remove one of them",
      })
  void mistakesInAStep(String good, String bad, String message) {
    assertRefused(good, bad.replace("''", ""), message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '^',
      value = {
        "baselines: [random] | baselines: random | 18: evaluate.baselines: \"random\" (expected a list). Write [\"random\"]",
        "baselines: [random] | baselines: [rando] | 18: evaluate.baselines[0]: \"rando\" (expected one of: easy-ep, random, strict). Did you mean \"random\"?",
        "baselines: [random] | baselines: [strict] | 18: evaluate.baselines[0].weight: missing (expected a number)",
        "baselines: [random] | baseline: [random] | 18: unknown key \"baseline\" in \"evaluate\"; known: baselines, data, gates, max-tokens. Did you mean \"baselines\"?",
        "perplexity-ratio: 1.25 | perplexity-ratio: 0 | 20: evaluate.gates.perplexity-ratio: 0.0 (expected a number above 0)",
        "perplexity-ratio: 1.25 | perplexity-ratio: 125% | 20: evaluate.gates.perplexity-ratio: \"125%\" (expected a number)",
        "perplexity-ratio: 1.25 | perplexity: 1.25 | 20: unknown key \"perplexity\" in \"evaluate.gates\"; known: accuracy-drop, data, kl-divergence, perplexity-ratio, top1-agreement",
        "kl-divergence: 0.5 | kl-divergence: -0.5 | 21: evaluate.gates.kl-divergence: -0.5 (expected 0 or more)",
        "top1-agreement: 0.6 | top1-agreement: 60 | 22: evaluate.gates.top1-agreement: 60.0 (expected a number from 0 to 1)",
        "accuracy-drop: 0.02 | accuracy-drop: 2 | 23: evaluate.gates.accuracy-drop: 2.0 (expected a number from 0 to 1)",
      })
  void mistakesInTheEvaluation(String good, String bad, String message) {
    assertRefused(good, bad, message);
  }

  @Test
  void aRecipeNeedsSteps() {
    assertMessage(
        "model: in\noutput: out\nstep: []\n",
        "recipe.yaml:3: steps: missing (expected a list of steps). Did you mean it by \"step\"?");
    assertMessage(
        "model: in\noutput: out\nsteps: []\n",
        "recipe.yaml:3: steps: an empty list (expected at least one step)");
    assertMessage(
        "model: in\noutput: out\nsteps:\n", "recipe.yaml:3: steps: no value (expected a list)");
    assertMessage(
        "model: in\noutput: out\nsteps: [prune]\n",
        "recipe.yaml:3: steps[0]: \"prune\" (expected a map)");
    assertMessage(
        "model: in\noutput: out\nsteps:\n- prune:\n",
        "recipe.yaml:4: steps[0].prune: no value (expected a map)");
  }

  @Test
  void aMergeIsAsStrict() {
    String head = "model: in\noutput: out\nsteps:\n- merge:\n    method: gather\n    keep: 0.5\n";
    assertMessage(
        head + "    align: sideways\n",
        "recipe.yaml:7: steps[0].merge.align: \"sideways\" (expected one of: none, weights,"
            + " activations)");
    assertMessage(
        head + "    router: slice\n",
        "recipe.yaml:7: steps[0].merge.router: \"slice\" (expected one of: dominant, mean,"
            + " frequency-mean, map)");
    assertMessage(
        head + "    router: frequency-mean\n",
        "recipe.yaml:4: steps[0].merge: gather: no frequency-mean");
    assertMessage(
        head + "    linkage: ward\n",
        "recipe.yaml:7: unknown key \"linkage\" in \"steps[0].merge\"; known: align, allocation,"
            + " experts, groups, keep, method, multi-token-prediction, protect, router, snap, top-k,"
            + " uniformise");
  }

  @Test
  void aStepIsOneKeyWithItsOptionsBelow() {
    String wayOut =
        " (expected one step). Begin each step with its own \"-\", and indent its options deeper"
            + " than its name";
    assertMessage(
        "model: in\noutput: out\nsteps:\n- prune:\n  method: easy-ep\n",
        "recipe.yaml:4: steps[0]: keys prune, method" + wayOut);
    assertMessage(
        "model: in\noutput: out\nsteps:\n- {}\n", "recipe.yaml:4: steps[0]: no step" + wayOut);
  }

  @Test
  void whatAMethodRefusesIsReportedWithTheLineOfItsStep() {
    assertMessage(
        RECIPE.replace("easy-ep", "strict").replace("router: slice", "weight: 2"),
        "recipe.yaml:11: steps[0].prune: strict: weight must be at most 1: 2.0");
  }

  @Test
  void anOptionOfAnotherMethodIsUnknown() {
    assertMessage(
        RECIPE.replace("router: slice", "seed: 5"),
        "recipe.yaml:15: unknown key \"seed\" in \"steps[0].prune\"; known: allocation, experts,"
            + " groups, keep, method, multi-token-prediction, protect, router, snap, top-k,"
            + " uniformise");
  }

  @Test
  void aListOfNumbersIsNotSpread() {
    assertMessage(
        RECIPE
            .replace("keep: 50%", "experts: [4, 4]")
            .replace("router: slice", "allocation: global"),
        "recipe.yaml:15: steps[0].prune.allocation: experts lists a number for each layer (expected no"
            + " allocation). Remove the key");
  }

  private static void assertRefused(String good, String bad, String message) {
    int start = RECIPE.indexOf(good);
    assertThat(start).isNotNegative();
    String recipe = RECIPE.substring(0, start) + bad + RECIPE.substring(start + good.length());
    assertMessage(recipe, "recipe.yaml:" + message);
  }

  private static void assertMessage(String recipe, String message) {
    assertThatExceptionOfType(RecipeException.class)
        .isThrownBy(() ->
            RecipeReader.read(
                Path.of("recipe.yaml"),
                recipe.getBytes(StandardCharsets.UTF_8),
                new SampleMethods()))
        .withMessage(message);
  }
}
