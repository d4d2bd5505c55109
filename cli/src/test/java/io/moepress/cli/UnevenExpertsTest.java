package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.json.Json;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// Layers with different numbers of experts, from end to end.
class UnevenExpertsTest {
  private static final Path MODEL = TestData.path("models/tiny-mixtral");
  private static final Path TEXTS = TestData.path("texts/math.calibration.jsonl");
  private static final String LISTED = "{method: frequency, experts: [6, 4, 5, 8]}";

  @TempDir private Path folder;

  @Test
  void researchWritesAListThatEveryCommandReadsAgain() throws IOException {
    Path output = run("uneven", MODEL, "research", LISTED);

    assertThat(Files.readString(output.resolve("config.json")))
        .contains("\"num_local_experts\": [6, 4, 5, 8]");
    JsonNode manifest = Json.object(output.resolve("moepress.json"));
    assertThat(manifest.get("experts").toString()).isEqualTo("{\"0\":6,\"1\":4,\"2\":5,\"3\":8}");
    assertThat(Cli.run("verify", output, "--target", "research").exitCode()).isZero();
    Cli inspect = Cli.run("inspect", output);
    assertThat(inspect.out()).contains("4 to 8, top-2; by layer {0=6, 1=4, 2=5, 3=8}");
    assertThat(Cli.run("inspect", output, "--json").json().at("/expertsByLayer/2").asInt())
        .isEqualTo(5);
    assertThat(Cli.run("eval", output, "--data", TEXTS, "-q").exitCode()).isZero();
    Cli calibrate =
        Cli.run("calibrate", output, "--data", TEXTS, "-o", folder.resolve("evidence"), "-q");
    assertThat(calibrate.exitCode()).as(calibrate.err()).isZero();
    assertThat(Json.object(folder.resolve("evidence/evidence.json")).toString())
        .contains("{\"0\":6,\"1\":4,\"2\":5,\"3\":8}");
  }

  @Test
  void stockRuntimesAreSaidToRefuseIt() throws IOException {
    Path output = run("uneven", MODEL, "research", LISTED);

    Cli verify = Cli.run("verify", output, "--target", "transformers");

    assertThat(verify.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(verify.out())
        .contains(
            "num_local_experts = [6,4,5,8] (expected the number of experts as one whole number")
        .contains("The nearest is 6 in every layer.");
  }

  @Test
  void aFurtherStepMakesOneNumberOfIt() throws IOException {
    Path uneven = run("uneven", MODEL, "research", LISTED);

    Path even = run("even", uneven, "transformers", "{method: easy-ep, experts: 4}");

    assertThat(Files.readString(even.resolve("config.json"))).contains("\"num_local_experts\": 4,");
    assertThat(Json.object(even.resolve("moepress.json")).get("experts").isNull()).isTrue();
    assertThat(Cli.run("verify", even, "--target", "transformers").exitCode()).isZero();
  }

  @Test
  void stepsInOneRecipeAreStepsInTwo() throws IOException {
    Path uneven = run("uneven", MODEL, "research", LISTED);
    Path two = run("two", uneven, "research", "{method: easy-ep, keep: 75%}");

    Path both = run("both", MODEL, "research", LISTED, "{method: easy-ep, keep: 75%}");

    for (String file : new String[] {"model.safetensors", "config.json"}) {
      assertThat(both.resolve(file)).hasSameBinaryContentAs(two.resolve(file));
    }
    assertThat(Files.readString(both.resolve("config.json")))
        .contains("\"num_local_experts\": [5, 3, 4, 6]");
  }

  @Test
  void stockTargetsGetOneNumberAndAreToldOf() throws IOException {
    Path output = run("even", MODEL, "vllm", LISTED);

    assertThat(Files.readString(output.resolve("config.json")))
        .contains("\"num_local_experts\": 6,");
    assertThat(Files.readString(folder.resolve("even.work/plan.json")))
        .contains(
            "vllm has one number of experts for all layers: {0=6, 1=4, 2=5, 3=8} by layer, 23 in all,"
                + " became 6 in each, 24 in all; the ranking inside each layer is kept");
  }

  @Test
  void oneThresholdForAllLayersKeepsTheTotal() throws IOException {
    Path output =
        run("global", MODEL, "research", "{method: gate-mass, keep: 50%, allocation: global}");

    JsonNode counts = Json.object(output.resolve("config.json")).get("num_local_experts");
    assertThat(counts.valueStream().mapToInt(JsonNode::asInt).sum()).isEqualTo(16);
    assertThat(counts.valueStream().mapToInt(JsonNode::asInt)).allMatch(count -> count >= 2);
    assertThat(counts.valueStream().mapToInt(JsonNode::asInt).distinct().count()).isGreaterThan(1);
  }

  /// The same experts as with one share for each layer: only the totals count.
  @Test
  void oneThresholdMadeOneNumberIsTheEvenShare() throws IOException {
    Path global =
        run("global", MODEL, "vllm", "{method: gate-mass, keep: 50%, allocation: global}");
    Path even = run("even", MODEL, "vllm", "{method: gate-mass, keep: 50%}");

    assertThat(global.resolve("model.safetensors"))
        .hasSameBinaryContentAs(even.resolve("model.safetensors"));
    assertThat(Files.readString(folder.resolve("global.work/plan.json")))
        .contains("by layer, 16 in all, became 4 in each, 16 in all");
  }

  @Test
  void refusedBeforeAnyWorkWithTheNearestPlan() throws IOException {
    Cli run =
        Cli.run(
            "run",
            recipe(
                "refused",
                MODEL,
                "transformers",
                "{method: frequency, experts: [6, 4, 5, 8], uniformise: false}"));

    assertThat(run.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(run.err())
        .contains(
            "transformers: uniform-experts: 4 experts in layers [1], 5 experts in layers [2], 6"
                + " experts in layers [0], 8 experts in layers [3] (expected one number for all layers)."
                + " The nearest is 6 in every layer.")
        .doesNotContain("calibrating");
    assertThat(folder.resolve("refused")).doesNotExist();
  }

  @Test
  void anEditedPlanIsRefusedWithTheNearestPlan() throws IOException {
    run("uneven", MODEL, "research", LISTED);
    Path plan = folder.resolve("edited.json");
    Files.writeString(
        plan,
        Files.readString(folder.resolve("uneven.work/plan.json"))
            .replace("\"target\": \"research\"", "\"target\": \"transformers\""));

    Cli apply = Cli.run("apply", MODEL, plan, "-o", folder.resolve("applied"), "-q");

    assertThat(apply.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(apply.err())
        .contains("transformers: uniform-experts: ")
        .contains("The nearest is 6 in every layer.");
    assertThat(folder.resolve("applied")).doesNotExist();
  }

  @Test
  void numbersAreRoundedAndToldOf() throws IOException {
    Path output = run("snapped", MODEL, "vllm", "{method: frequency, experts: 5, snap: target}");

    assertThat(Files.readString(output.resolve("config.json")))
        .contains("\"num_local_experts\": 4,");
    assertThat(Files.readString(folder.resolve("snapped.work/plan.json")))
        .contains(
            "experts: 5 in each layer became 4: the nearest number for which vllm has neither"
                + " warning nor note (snap: target; ties go upwards)");
  }

  private Path run(String name, Path model, String target, String... steps) throws IOException {
    Cli run = Cli.run("run", recipe(name, model, target, steps), "-q");
    assertThat(run.exitCode()).as(run.err()).isZero();
    return folder.resolve(name);
  }

  private Path recipe(String name, Path model, String target, String... steps) throws IOException {
    StringBuilder text = new StringBuilder();
    text.append("model: ").append(model).append('\n');
    text.append("output: ").append(folder.resolve(name)).append('\n');
    text.append("target: ").append(target).append('\n');
    text.append("calibration:\n  data: [{file: ").append(TEXTS).append(", samples: 3}]\nsteps:\n");
    for (String step : steps) {
      text.append("  - prune: ").append(step).append('\n');
    }
    return Files.writeString(folder.resolve(name + ".yaml"), text);
  }
}
