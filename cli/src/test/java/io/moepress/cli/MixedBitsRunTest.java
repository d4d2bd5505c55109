package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.json.Json;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/// Experts with the bits that a method gives them, from the recipe to the plan.
class MixedBitsRunTest {
  private static final Path MODEL = TestData.path("models/tiny-mixtral");

  @TempDir private Path folder;

  /// All matrices are equally large, so bits of matrices average to bits of weights.
  @ParameterizedTest
  @CsvSource({"pmq, 2.5, '[1, 2, 3]'", "alphaq, 2.5, '[2, 3, 4]'", "alphaq, 3.25, '[2, 3, 4]'"})
  void theBudgetIsSpentAndNotMore(String method, double bits, String widths) throws IOException {
    JsonNode plan =
        plan("research", "allocate: " + method + ", bits: " + bits + ", widths: " + widths);

    SortedMap<Integer, Integer> matrices = matrices(plan);
    int all = matrices.values().stream().mapToInt(Integer::intValue).sum();
    int spent = matrices.entrySet().stream().mapToInt(it -> it.getKey() * it.getValue()).sum();
    assertThat(all).isEqualTo(4 * 8 * 3);
    assertThat((double) spent / all).isBetween(bits - 0.1, bits);
    assertThat(matrices.size()).isGreaterThan(1);
  }

  /// Matrices of each width.
  private static SortedMap<Integer, Integer> matrices(JsonNode plan) {
    SortedMap<Integer, Integer> matrices = new TreeMap<>();
    for (JsonNode step : plan.get("steps").values()) {
      for (JsonNode part : step.get("parts").values()) {
        JsonNode schemes = part.get("schemes");
        int each = part.get("linears").size() * (8 / schemes.size());
        schemes.forEach(scheme -> matrices.merge(scheme.get("bits").asInt(), each, Integer::sum));
      }
    }
    return matrices;
  }

  /// What a runtime loads decides how far experts may differ.
  @ParameterizedTest
  @CsvSource({"transformers, 1", "research, 8"})
  void expertsDifferAsFarAsTheTargetLoads(String target, int most) throws IOException {
    JsonNode plan = plan(target, "allocate: alphaq, bits: 3.4, widths: [2, 3, 4]");

    int schemes = 0;
    for (JsonNode step : plan.get("steps").values()) {
      for (JsonNode part : step.get("parts").values()) {
        schemes = Math.max(schemes, part.get("schemes").size());
      }
    }
    assertThat(schemes).isEqualTo(most);
  }

  /// A layer by itself would have one choice: the largest width below the average.
  @Test
  void layersWhoseExpertsShareAWidthTakeFromEachOther() throws IOException {
    JsonNode plan = plan("vllm", "allocate: pmq, bits: 6, widths: [4, 8]");

    assertThat(matrices(plan)).isEqualTo(new TreeMap<>(Map.of(4, 2 * 24, 8, 2 * 24)));
  }

  @Test
  void aSizeIsSolvedFor() throws IOException {
    JsonNode plan =
        plan(
            "research",
            "allocate: alphaq, fit: 3600KiB, widths: [2, 3, 4], storage: compressed-tensors");

    assertThat(plan.at("/after/bytes").asLong()).isBetween(3300L << 10, 3600L << 10);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "vllm | allocate: alphaq, bits: 6, widths: [4, 8], granularity: expert | does not load experts of so different widths",
        "research | allocate: alphaq, fit: 1MiB, storage: compressed-tensors | all but the experts takes",
        "research | allocate: alphaq, fit: 3600KiB | decoded weights are as large as before",
        "research | allocate: pmq, bits: 1 | pmq: ",
        "research | allocate: pmq, bits: 2, storage: compressed-tensors | 1 bit have no layout",
      })
  void whatCannotBeIsRefused(String target, String options, String problem) throws IOException {
    Cli run = Cli.run("plan", recipe(target, options), "-q");

    assertThat(run.exitCode()).isNotZero();
    assertThat(run.err()).contains(problem);
  }

  /// What runtimes need for the other half of MC-MoE, where the inputs of layers are kept.
  @Test
  void thePlanSaysWhenASecondExpertMayBeLeftOut() throws IOException {
    Path recipe = recipe("research", "allocate: pmq, bits: 2.5, widths: [2, 3]");
    String text = Files.readString(recipe);
    Files.writeString(
        recipe, text.replace("calibration:\n", "calibration:\n  reservoir-tokens: 256\n"));

    Cli run = Cli.run("plan", recipe, "-q");

    assertThat(run.exitCode()).as(run.err()).isZero();
    assertThat(run.out())
        .containsPattern(
            "below \\(layer: median ratio\\) 0: 0\\.\\d{6}, 1: 0\\.\\d{6}, 2: 0\\.\\d{6}, 3: 0\\.\\d{6}");
  }

  @Test
  void pmqNeedsTexts() throws IOException {
    Path recipe = recipe("research", "allocate: pmq, bits: 2");
    String text = Files.readString(recipe);
    Files.writeString(recipe, text.replaceFirst("calibration:\n.*\n", ""));

    Cli run = Cli.run("plan", recipe, "-q");

    assertThat(run.exitCode()).isNotZero();
    assertThat(run.err()).contains("needs calibration");
  }

  private JsonNode plan(String target, String options) throws IOException {
    Cli plan = Cli.run("plan", recipe(target, options), "-q");
    assertThat(plan.exitCode()).as(plan.err()).isZero();
    assertThat(plan.out()).contains("note: bits: ");
    return Json.object(folder.resolve("out.work/plan.json"));
  }

  private Path recipe(String target, String options) throws IOException {
    String text =
        """
        target: %target
        model: %model
        output: %output
        calibration:
          data: [{file: %texts, samples: 5}]
        steps:
          - quantize: {method: round-to-nearest, group-size: 32, %options}
        """
            .replace("%target", target)
            .replace("%model", MODEL.toString())
            .replace("%output", folder.resolve("out").toString())
            .replace("%texts", TestData.path("texts/math.calibration.jsonl").toString())
            .replace("%options", options);
    return Files.writeString(folder.resolve("recipe.yaml"), text);
  }
}
