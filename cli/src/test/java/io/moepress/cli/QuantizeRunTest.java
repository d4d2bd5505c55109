package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.json.Json;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.TensorData;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/// Quantised weights, from the recipe to the files and back.
class QuantizeRunTest {
  private static final Path MODEL = TestData.path("models/tiny-mixtral");
  private static final String NEAREST = "- quantize: {method: round-to-nearest, ";

  @TempDir private Path folder;

  /// The grid by its definition, one weight at a time: scales are BF16 as the weights are.
  private static float nearest(float[] weights, int first, int size, int index, int bits) {
    float largest = 0;
    for (int i = first; i < first + size; i++) {
      largest = Math.max(largest, Math.abs(weights[i]));
    }
    float scale = bfloat16(largest / (((1 << bits) - 1) / 2f));
    double code = Math.rint(weights[index] / scale);
    int half = 1 << (bits - 1);
    int clamped = (int) Math.min(half - 1, Math.max(-half, code)); // no negative zero
    return clamped * scale;
  }

  /// Rounded to nearest, ties to even.
  private static float bfloat16(float value) {
    int bits = Float.floatToRawIntBits(value);
    int rounded = bits + 0x7FFF + (bits >>> 16 & 1);
    return Float.intBitsToFloat(rounded & 0xFFFF0000);
  }

  @ParameterizedTest
  @CsvSource({"W4A16, 32, 4, 32", "W8A16, 64, 8, 64", "W3A16, 128, 3, 128", "W2A16, channel, 2, 0"})
  void everyWeightOfEveryExpertIsTheNearestOfItsGroupsGrid(
      String scheme, String groupSize, int bits, int size) throws IOException {
    run("out", NEAREST + "scheme: " + scheme + ", group-size: " + groupSize + "}");

    try (CheckpointDirectory source = CheckpointDirectory.open(MODEL);
        CheckpointDirectory written = CheckpointDirectory.open(folder.resolve("out"));
        Arena arena = Arena.ofConfined()) {
      MoeModel before = MoeModel.of(source);
      MoeModel after = MoeModel.of(written);
      assertThat(after.inventory().names()).isEqualTo(before.inventory().names());
      assertThat(after.parameterCount()).isEqualTo(before.parameterCount());
      for (TensorId id : before.inventory().names().keySet()) {
        TensorData old = before.read(id, arena);
        TensorData now = after.read(id, arena);
        if (id.role().isExpert()) {
          assertNearest(Numbers.floats(old), now, bits, size);
        } else {
          assertThat(now.bytes().mismatch(old.bytes())).as("%s", id).isEqualTo(-1);
        }
      }
    }
  }

  private static void assertNearest(float[] old, TensorData now, int bits, int size) {
    int columns = Math.toIntExact(now.info().shape().dimension(1));
    int group = size == 0 ? columns : size;
    float[] expected = new float[old.length];
    for (int i = 0; i < old.length; i++) {
      expected[i] = nearest(old, i / group * group, group, i, bits);
    }
    assertThat(Arrays.mismatch(Numbers.floats(now), expected)).as(now.info().name()).isEqualTo(-1);
  }

  @Test
  void decodedWeightsAreThoseThatTheCodesStandForInTheTypeTheyHad() throws IOException {
    run("packed", NEAREST + "scheme: W4A16, group-size: 32}");
    run("decoded", NEAREST + "scheme: W4A16, group-size: 32, storage: decoded}");

    try (CheckpointDirectory source = CheckpointDirectory.open(MODEL);
        CheckpointDirectory packed = CheckpointDirectory.open(folder.resolve("packed"));
        CheckpointDirectory decoded = CheckpointDirectory.open(folder.resolve("decoded"));
        Arena arena = Arena.ofConfined()) {
      assertThat(decoded.tensors()).isEqualTo(source.tensors());
      assertThat(decoded.config().text()).isEqualTo(source.config().text());
      MoeModel codes = MoeModel.of(packed);
      MoeModel numbers = MoeModel.of(decoded);
      for (TensorId id : codes.inventory().names().keySet()) {
        float[] expected = Numbers.floats(codes.read(id, arena));
        for (int i = 0; i < expected.length && id.role().isExpert(); i++) {
          expected[i] = bfloat16(expected[i]);
        }
        float[] found = Numbers.floats(numbers.read(id, arena));
        assertThat(Arrays.mismatch(found, expected)).as("%s", id).isEqualTo(-1);
      }
    }
  }

  /// Runtimes refuse linear layers that are neither quantised nor listed.
  @Test
  void theConfigurationNamesEveryLinearLayer() throws IOException {
    run("out", NEAREST + "scheme: W4A16, group-size: 32, others: {scheme: W8A16, group-size: 64}}");

    JsonNode config = Json.object(folder.resolve("out/config.json")).get("quantization_config");
    JsonNode groups = config.get("config_groups");
    assertThat(groups.get("group_0").get("targets").valueStream().map(JsonNode::asString))
        .containsExactlyInAnyOrder(
            "re:model[.]layers[.][0-9]+[.]block_sparse_moe[.]experts[.][0-9]+[.](w1|gate_proj)$",
            "re:model[.]layers[.][0-9]+[.]block_sparse_moe[.]experts[.][0-9]+[.](w3|up_proj)$",
            "re:model[.]layers[.][0-9]+[.]block_sparse_moe[.]experts[.][0-9]+[.](w2|down_proj)$",
            "Linear");
    assertThat(groups.get("group_0").at("/weights/group_size").asInt()).isEqualTo(32);
    assertThat(groups.get("group_1").at("/targets/0").asString())
        .isEqualTo("model.layers.0.self_attn.k_proj");
    assertThat(groups.get("group_1").get("targets")).hasSize(16);
    assertThat(groups.get("group_1").at("/weights/num_bits").asInt()).isEqualTo(8);
    assertThat(config.get("ignore").valueStream().map(JsonNode::asString))
        .contains("lm_head", "model.layers.3.block_sparse_moe.gate")
        .noneMatch(name -> name.contains("experts") || name.contains("self_attn"));
    for (String target : List.of("transformers", "vllm", "sglang")) {
      Cli verified = Cli.run("verify", folder.resolve("out"), "--target", target, "-q");
      assertThat(verified.exitCode()).as(verified.out()).isZero();
    }
  }

  /// No runtime has anything to say, not even a note.
  @ParameterizedTest
  @CsvSource({"tiny-mixtral, 32", "tiny-qwen3moe, 16"})
  void everyRuntimeLoadsFourBits(String model, int groupSize) throws IOException {
    Path recipe = recipe("out", NEAREST + "scheme: W4A16, group-size: " + groupSize + "}");
    Files.writeString(
        recipe,
        Files.readString(recipe)
            .replace(MODEL.toString(), TestData.path("models/" + model).toString()));
    assertThat(Cli.run("run", recipe, "-q").exitCode()).isZero();

    for (String target : List.of("transformers", "vllm", "sglang")) {
      Cli verified = Cli.run("verify", folder.resolve("out"), "--target", target, "--json");
      assertThat(verified.exitCode()).as(target).isZero();
      assertThat(verified.json().get("checks").valueStream())
          .as(target)
          .hasSizeGreaterThan(20)
          .allMatch(check -> check.get("findings").isEmpty());
    }
  }

  @Test
  void asymmetricGridsHaveZeroPoints() throws IOException {
    String step =
        NEAREST + "scheme: W4A16, group-size: 32, symmetric: false, storage: compressed-tensors}";
    Path recipe = recipe("out", step);
    Files.writeString(recipe, "target: research\n" + Files.readString(recipe));

    Cli run = Cli.run("run", recipe, "-q");

    assertThat(run.exitCode()).as(run.err()).isZero();

    try (CheckpointDirectory written = CheckpointDirectory.open(folder.resolve("out"))) {
      assertThat(written.tensors())
          .containsKey("model.layers.0.block_sparse_moe.experts.0.w1.weight_zero_point");
      assertThat(MoeModel.of(written).parameterCount()).isEqualTo(4_396_160);
    }
  }

  @Test
  void itFollowsAStepThatDropsExpertsAndThePlanIsAppliedByItself() throws IOException {
    run(
        "out",
        "- prune: {method: frequency, experts: 4}",
        NEAREST + "scheme: W4A16, group-size: 32}");

    Path applied = folder.resolve("applied");
    Cli apply = Cli.run("apply", MODEL, folder.resolve("out.work/plan.json"), "-o", applied, "-q");

    assertThat(apply.exitCode()).as(apply.err()).isZero();
    for (String file : List.of("model.safetensors", "moepress.json", "config.json")) {
      assertThat(applied.resolve(file)).hasSameBinaryContentAs(folder.resolve("out").resolve(file));
    }
  }

  /// Codes are moved, not calculated again.
  @Test
  void expertsOfAQuantisedCheckpointAreDroppedAsBytes() throws IOException {
    run("codes", NEAREST + "scheme: W4A16, group-size: 32}");
    Path recipe =
        recipe("half", "- prune: {method: random, keep: 50%, protect: {super-experts: false}}");
    Files.writeString(
        recipe,
        Files.readString(recipe).replace(MODEL.toString(), folder.resolve("codes").toString()));

    Cli run = Cli.run("run", recipe, "-q");

    assertThat(run.exitCode()).as(run.err()).isZero();
    try (CheckpointDirectory half = CheckpointDirectory.open(folder.resolve("half"))) {
      assertThat(MoeModel.of(half).layout().experts()).isEqualTo(4);
      assertThat(half.tensors())
          .containsKey("model.layers.0.block_sparse_moe.experts.3.w1.weight_packed")
          .doesNotContainKey("model.layers.0.block_sparse_moe.experts.4.w1.weight_packed");
    }
  }

  @Test
  void theLayoutOfGptqIsWrittenReadAndCut() throws IOException {
    Path recipe = recipe("codes", NEAREST + "scheme: W4A16, group-size: 32, storage: gptq}");
    Files.writeString(recipe, "target: vllm\n" + Files.readString(recipe));
    Cli run = Cli.run("run", recipe, "-q");
    assertThat(run.exitCode()).as(run.err()).isZero();
    Cli verified = Cli.run("verify", folder.resolve("codes"), "--target", "vllm", "--json");
    assertThat(verified.exitCode()).isZero();
    assertThat(verified.json().get("checks").valueStream())
        .allMatch(check -> check.get("findings").isEmpty());

    Path half =
        recipe("half", "- prune: {method: random, keep: 50%, protect: {super-experts: false}}");
    String text =
        Files.readString(half).replace(MODEL.toString(), folder.resolve("codes").toString());
    Files.writeString(half, text);
    assertThat(Cli.run("plan", half, "-q").err()).contains("transformers: gptq-exceptions");
    Files.writeString(half, "target: vllm\n" + text);
    Cli cut = Cli.run("run", half, "-q");

    assertThat(cut.exitCode()).as(cut.err()).isZero();
    try (CheckpointDirectory source = CheckpointDirectory.open(MODEL);
        CheckpointDirectory left = CheckpointDirectory.open(folder.resolve("half"))) {
      assertThat(MoeModel.of(left).layout().experts()).isEqualTo(4);
      assertThat(left.tensors())
          .containsKey("model.layers.0.block_sparse_moe.experts.3.w1.qweight")
          .doesNotContainKey("model.layers.0.block_sparse_moe.experts.4.w1.qweight");
      assertThat(left.config().value("quantization_config")).isPresent();
      assertThat(MoeModel.of(left).parameterCount())
          .isLessThan(MoeModel.of(source).parameterCount());
    }
    assertThat(Cli.run("verify", folder.resolve("half"), "--target", "vllm").exitCode()).isZero();
  }

  @Test
  void thePlanSaysHowManyBitsThatAre() throws IOException {
    Cli plan = Cli.run("plan", recipe("out", NEAREST + "scheme: W4A16, group-size: 32}"), "-q");

    assertThat(plan.exitCode()).as(plan.err()).isZero();
    assertThat(plan.out())
        .contains("experts W4A16, groups of 32")
        .contains("note: quantised: 3,145,728 weights of 4,396,160, to 4.50 bits each");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "transformers | scheme: W5A16, group-size: 32 | loads integer weights of [2, 3, 4, 8] bits",
        "vllm | scheme: W3A16, group-size: 32 | loads integer weights of [4, 8] bits",
        "transformers | scheme: W4A16, group-size: 32, symmetric: false | symmetric-experts: experts with zero points",
        "llama.cpp | scheme: W4A16, group-size: 32 | it reads GGUF files only",
        "transformers | scheme: W4A16, group-size: 32, storage: gptq | gptq-exceptions: ",
        "research | scheme: W5A16, group-size: 32, storage: gptq | 5 bits (expected one of 2, 3, 4 and 8)",
        "transformers | scheme: W4A16, group-size: 96 | Use \"group-size: 64\"",
        "research | scheme: W1A16, group-size: 32, storage: compressed-tensors | 1 bit have no layout",
      })
  void whatDoesNotLoadIsRefusedBeforeAnythingIsWritten(
      String target, String options, String problem) throws IOException {
    Path recipe = recipe("out", NEAREST + options + "}");
    Files.writeString(recipe, "target: " + target + "\n" + Files.readString(recipe));

    Cli run = Cli.run("run", recipe);

    assertThat(run.exitCode()).isNotZero();
    assertThat(run.err()).contains(problem);
    assertThat(folder.resolve("out")).doesNotExist();
  }

  @Test
  void aSecondTimeIsRefused() throws IOException {
    String step = NEAREST + "scheme: W4A16, group-size: 32}";

    Cli run = Cli.run("run", recipe("out", step, step));

    assertThat(run.exitCode()).isNotZero();
    assertThat(run.err()).contains("the model is stored in low precision");
  }

  private void run(String output, String... steps) throws IOException {
    Cli run = Cli.run("run", recipe(output, steps), "-q");
    assertThat(run.exitCode()).as(run.err()).isZero();
  }

  private Path recipe(String name, String... steps) throws IOException {
    StringBuilder text = new StringBuilder();
    text.append("model: ").append(MODEL).append('\n');
    text.append("output: ").append(folder.resolve(name)).append('\n');
    text.append("calibration:\n  data: [{file: ")
        .append(TestData.path("texts/math.calibration.jsonl"))
        .append(", samples: 5}]\n");
    text.append("steps:\n");
    for (String step : steps) {
      text.append("  ").append(step).append('\n');
    }
    return Files.writeString(folder.resolve(name + ".yaml"), text);
  }
}
