package io.moepress.recipes.verify;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.json.Json;
import io.moepress.recipes.target.Severity;
import io.moepress.recipes.target.Target;
import io.moepress.recipes.target.TargetRules;
import io.moepress.recipes.verify.EditedCheckpoint.Tensor;
import io.moepress.recipes.verify.Verifier.Check;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.node.ObjectNode;

/// Each rule finds the fault that it is there for, and no other rule speaks of it.
class PlantedFaultsTest {
  private static final String LAYER = "model.layers.1.";
  private static final String EXPERTS = LAYER + "mlp.experts.";
  private static final String QUERY = LAYER + "self_attn.q_proj.weight";

  @TempDir Path folder;

  /// A fault.
  ///
  /// @param rule the only one that speaks
  /// @param target the runtime that is asked
  /// @param outcome what it says
  record Fault(
      String rule,
      Target target,
      String outcome,
      Consumer<EditedCheckpoint> planter,
      String found) {
    @Override
    public String toString() {
      return target.label() + ": " + rule + ": " + found;
    }
  }

  private static Fault refused(String rule, Consumer<EditedCheckpoint> planter, String found) {
    return new Fault(rule, Target.TRANSFORMERS, "FAILED", planter, found);
  }

  private static Fault warned(String rule, Consumer<EditedCheckpoint> planter, String found) {
    return new Fault(rule, Target.TRANSFORMERS, "warning", planter, found);
  }

  static Stream<Fault> faults() {
    return Stream.of(
        refused(
            "count-key",
            it -> it.config.remove("num_local_experts"),
            "config.json has no num_experts and no num_local_experts"),
        refused(
            "count-key",
            it -> it.config.set("num_local_experts", it.config.arrayNode().add(4).add(4)),
            "config.json: num_local_experts = [4,4]"),
        new Fault(
            "count-key",
            Target.RESEARCH,
            "FAILED",
            it -> it.config.set("num_local_experts", it.config.arrayNode().add(4)),
            "config.json: num_local_experts lists 1 numbers"),
        new Fault(
            "count-key",
            Target.RESEARCH,
            "FAILED",
            it -> it.config.set("num_local_experts", it.config.arrayNode().add(4).add(0)),
            "config.json: num_local_experts = [4,0]"),
        new Fault(
            "expert-count",
            Target.RESEARCH,
            "FAILED",
            it -> it.config.set("num_local_experts", it.config.arrayNode().add(4).add(3)),
            "config.json says 3 experts in layer 1, which holds 4"),
        refused("count-key", it -> it.config.put("num_local_experts", 0), "num_local_experts = 0"),
        refused(
            "count-key",
            it -> it.config.put("num_local_experts", "4"),
            "num_local_experts = \"4\""),
        refused(
            "count-aliases",
            it -> it.config.put("num_experts", 6),
            "config.json: {num_experts=6, num_local_experts=4}"),
        refused(
            "top-k",
            it -> it.config.put("num_experts_per_tok", 5),
            "4 experts, but every token uses 5"),
        refused(
            "top-k",
            it -> it.config.set("num_experts_per_tok", it.config.arrayNode().add(2).add(2)),
            "num_experts_per_tok = [2,2]"),
        refused(
            "top-k", it -> it.config.remove("num_experts_per_tok"), "has no num_experts_per_tok"),
        refused(
            "uniform-experts",
            it -> it.dropLastExpert(1),
            "3 experts in layers [1], 4 experts in layers [0]"),
        refused(
            "expert-map",
            it -> it.config.set("expert_map", it.config.arrayNode()),
            "several router rows lead to one expert"),
        new Fault(
            "expert-map",
            Target.RESEARCH,
            "FAILED",
            it -> it.config.put("expert_map", 7),
            "config.json: expert_map: 7"),
        refused(
            "expert-count",
            it -> it.config.put("num_local_experts", 6),
            "config.json says 6 experts, the layers hold 4"),
        refused(
            "expert-numbers",
            it ->
                List.of("gate", "up", "down")
                    .forEach(p ->
                        it.rename(
                            EXPERTS + "3." + p + "_proj.weight",
                            EXPERTS + "7." + p + "_proj.weight")),
            "layer 1 has experts [0, 1, 2, 7]"),
        refused(
            "expert-tensors",
            it -> it.remove(EXPERTS + "3.up_proj.weight"),
            "missing: " + EXPERTS + "3.up_proj.weight"),
        refused(
            "router-rows",
            it -> it.tensors.put(LAYER + "mlp.gate.weight", Tensor.zeros("F32", 5, 16)),
            "mlp.gate.weight has the shape [5, 16]"),
        refused(
            "missing-tensors", it -> it.remove("model.norm.weight"), "missing: model.norm.weight"),
        refused(
            "missing-tensors",
            it -> it.remove(LAYER + "mlp.gate.weight"),
            "missing: " + LAYER + "mlp.gate.weight"),
        refused(
            "unknown-tensors",
            it -> it.tensors.put("model.extra.weight", Tensor.zeros("F32", 3)),
            "no place for model.extra.weight"),
        refused(
            "unknown-tensors",
            it -> it.tensors.put("model.layers.2.mlp.gate.weight", Tensor.zeros("F32", 4, 16)),
            "no place for model.layers.2.mlp.gate.weight"),
        refused(
            "unknown-tensors",
            it -> it.tensors.put(LAYER + "self_attn.q_proj.bias", Tensor.zeros("F32", 16)),
            "no place for " + LAYER + "self_attn.q_proj.bias"),
        refused(
            "tensor-shapes",
            it -> it.tensors.put(QUERY, Tensor.zeros("F32", 8, 16)),
            QUERY + " has the shape [8, 16]"),
        refused(
            "output-head",
            it -> it.remove("lm_head.weight"),
            "no lm_head.weight, and tie_word_embeddings is not true"),
        refused(
            "format-metadata",
            it -> it.isMarked = false,
            "no format in the header of [model.safetensors]"),
        warned(
            "tied-output-head",
            it -> it.config.put("tie_word_embeddings", true),
            "an output head, and tie_word_embeddings is true"),
        warned(
            "weight-types",
            it -> it.tensors.put(QUERY, Tensor.zeros("BF16", 16, 16)),
            "matrices in [BF16, F32]"),
        warned(
            "weight-types",
            it -> it.config.put("dtype", "bfloat16"),
            "matrices in [F32], and config.json says bfloat16"),
        warned("tokenizer", it -> it.sideFiles.remove("tokenizer.json"), "no tokenizer"),
        warned(
            "generation-config",
            it -> it.sideFiles.remove("generation_config.json"),
            "no generation_config.json"),
        new Fault(
            "chat-template",
            Target.TRANSFORMERS,
            "note",
            it -> it.sideFiles.remove("chat_template.jinja"),
            "no chat template"),
        new Fault(
            "split-experts",
            Target.VLLM,
            "FAILED",
            PlantedFaultsTest::fuse,
            EXPERTS + "down_proj"));
  }

  static Stream<Fault> deepseekFaults() {
    return Stream.of(
        refused(
            "selection-bias",
            it ->
                it.tensors.put(LAYER + "mlp.gate.e_score_correction_bias", Tensor.zeros("F32", 7)),
            "e_score_correction_bias has the shape [7]"),
        refused("expert-groups", it -> it.config.put("n_group", 3), "8 experts"),
        refused(
            "expert-groups",
            it -> it.config.put("topk_group", 5),
            "5 of 4 expert groups are open to a token"),
        new Fault(
            "prediction-layers",
            Target.VLLM,
            "warning",
            it -> it.config.put("num_nextn_predict_layers", 1),
            "config.json says 1, and there are no tensors of them"),
        new Fault(
            "prediction-experts",
            Target.VLLM,
            "FAILED",
            it -> {
              it.config.put("num_nextn_predict_layers", 1);
              it.tensors.put("model.layers.4.mlp.gate.weight", Tensor.zeros("F32", 16, 32));
            },
            "model.layers.4.mlp.gate.weight has the shape [16, 32]"));
  }

  /// Stores the experts of layer 1 as transformers 5 holds them in memory.
  private static void fuse(EditedCheckpoint it) {
    for (int expert = 0; expert < 4; expert++) {
      for (String projection : List.of("gate", "up", "down")) {
        it.remove(EXPERTS + expert + "." + projection + "_proj.weight");
      }
    }
    it.tensors.put(EXPERTS + "gate_up_proj", Tensor.zeros("F32", 4, 16, 16));
    it.tensors.put(EXPERTS + "down_proj", Tensor.zeros("F32", 4, 16, 8));
  }

  @ParameterizedTest
  @MethodSource("faults")
  void exactlyOneRuleSpeaks(Fault fault) throws IOException {
    assertOnlyItSpeaks(EditedCheckpoint.qwen3(folder.resolve("source")), fault);
  }

  @ParameterizedTest
  @MethodSource("deepseekFaults")
  void exactlyOneRuleSpeaksOfGroupsAndBiases(Fault fault) throws IOException {
    assertOnlyItSpeaks(EditedCheckpoint.deepseek(), fault);
  }

  private void assertOnlyItSpeaks(EditedCheckpoint checkpoint, Fault fault) throws IOException {
    fault.planter().accept(checkpoint);

    List<Check> speaking =
        verify(checkpoint.write(folder.resolve("planted")), fault.target()).stream()
            .filter(check -> !check.outcome().equals("ok"))
            .toList();

    assertThat(speaking).extracting(Check::name).containsExactly(fault.rule());
    assertThat(speaking.getFirst().outcome()).isEqualTo(fault.outcome());
    assertThat(speaking.getFirst().findings().getFirst().found()).contains(fault.found());
    assertThat(speaking.getFirst().findings().getFirst().wayOut()).isNotBlank();
  }

  @ParameterizedTest
  @EnumSource(Target.class)
  void soundCheckpointsPass(Target target) throws IOException {
    EditedCheckpoint qwen3 = EditedCheckpoint.qwen3(folder.resolve("source"));
    qwen3.shards = 2;

    for (Path sound :
        List.of(
            qwen3.write(folder.resolve("qwen3")),
            EditedCheckpoint.deepseek().write(folder.resolve("deepseek")))) {
      assertThat(IndexCheck.failure(sound)).isEmpty();
      assertThat(verify(sound, target)).allMatch(check -> check.outcome().equals("ok"));
    }
  }

  /// A runtime of research takes what no stock runtime does.
  @Test
  void researchTakesLayersThatDiffer() throws IOException {
    EditedCheckpoint checkpoint = EditedCheckpoint.qwen3(folder.resolve("source"));
    checkpoint.dropLastExpert(1);

    assertThat(verify(checkpoint.write(folder.resolve("planted")), Target.RESEARCH))
        .noneMatch(check -> check.name().equals("uniform-experts"));
  }

  @Test
  void aCheckpointThatOnlyMoepressCannotReadFailsByItsStructure() throws IOException {
    EditedCheckpoint checkpoint = EditedCheckpoint.qwen3(folder.resolve("source"));
    fuse(checkpoint);

    List<Check> checks = verify(checkpoint.write(folder.resolve("planted")), Target.TRANSFORMERS);

    assertThat(checks.stream().filter(check -> !check.passed()))
        .extracting(Check::name)
        .containsExactly("structure");
  }

  /// A way out is looked for among as many experts as there are, not as many as are claimed.
  @Test
  void aConfigurationMayClaimBillionsOfExperts() throws IOException {
    EditedCheckpoint checkpoint = EditedCheckpoint.qwen3(folder.resolve("source"));
    checkpoint.config.put("num_local_experts", Integer.MAX_VALUE);
    checkpoint.dropLastExpert(1);

    List<Check> checks = verify(checkpoint.write(folder.resolve("planted")), Target.LLAMA_CPP);

    assertThat(checks.stream().filter(check -> !check.passed()))
        .extracting(Check::name)
        .containsExactly("uniform-experts");
  }

  @Test
  void weightsThatAreNotFinite() throws IOException {
    EditedCheckpoint checkpoint = EditedCheckpoint.qwen3(folder.resolve("source"));
    ByteBuffer.wrap(checkpoint.get(QUERY).bytes())
        .order(ByteOrder.LITTLE_ENDIAN)
        .putFloat(8, Float.NaN);

    List<Check> checks = verify(checkpoint.write(folder.resolve("planted")), Target.VLLM);

    assertThat(checks.stream().filter(check -> !check.outcome().equals("ok")))
        .extracting(Check::name)
        .containsExactly("finite weights");
  }

  @Test
  void aWrongTotalSizeIsAWarning() throws IOException {
    EditedCheckpoint checkpoint = EditedCheckpoint.qwen3(folder.resolve("source"));
    checkpoint.shards = 2;
    Path planted = checkpoint.write(folder.resolve("planted"));
    editIndex(planted, index -> ((ObjectNode) index.get("metadata")).put("total_size", 7.5));

    List<Check> speaking =
        verify(planted, Target.SGLANG).stream().filter(c -> !c.outcome().equals("ok")).toList();

    assertThat(speaking).extracting(Check::name).containsExactly("index-size");
    assertThat(speaking.getFirst().findings().getFirst().severity()).isEqualTo(Severity.WARNING);
    assertThat(speaking.getFirst().detail()).startsWith("total_size = 7.5 (expected ");
  }

  // What keeps a checkpoint from being opened at all is told by the index check.

  @Test
  void anIndexThatNamesAMissingShard() throws IOException {
    Path planted = sharded();
    Files.delete(planted.resolve("part-2.safetensors"));

    assertThat(IndexCheck.failure(planted).orElseThrow().detail())
        .startsWith("the file part-2.safetensors is missing, with ")
        .endsWith("Copy or download it again.");
  }

  @Test
  void anIndexThatNamesATensorTheShardDoesNotHave() throws IOException {
    Path planted = sharded();
    editIndex(
        planted,
        index -> ((ObjectNode) index.get("weight_map")).put("ghost.weight", "part-1.safetensors"));

    assertThat(IndexCheck.failure(planted).orElseThrow().detail())
        .isEqualTo("1 tensor (ghost.weight) are not in part-1.safetensors, where the index says");
  }

  @Test
  void anIndexThatForgetsATensor() throws IOException {
    Path planted = sharded();
    editIndex(planted, index -> ((ObjectNode) index.get("weight_map")).remove("model.norm.weight"));

    assertThat(IndexCheck.failure(planted).orElseThrow().detail())
        .isEqualTo(
            "1 tensor (model.norm.weight) are in part-2.safetensors, and the index does not say"
                + " so");
  }

  @Test
  void namesThatLeadElsewhereAreLeftToTheReader() throws IOException {
    Path planted = sharded();
    editIndex(
        planted, index -> ((ObjectNode) index.get("weight_map")).put("x", "../part-1.safetensors"));

    assertThat(IndexCheck.failure(planted)).isEmpty();
  }

  private Path sharded() throws IOException {
    EditedCheckpoint checkpoint = EditedCheckpoint.qwen3(folder.resolve("source"));
    checkpoint.shards = 2;
    return checkpoint.write(folder.resolve("planted"));
  }

  private static void editIndex(Path directory, Consumer<ObjectNode> edit) throws IOException {
    Path file = directory.resolve(EditedCheckpoint.INDEX);
    ObjectNode index = Json.object(file);
    edit.accept(index);
    Files.writeString(file, Json.pretty(index));
  }

  private static List<Check> verify(Path directory, Target target) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(directory);
        Workers workers = new Workers(1)) {
      return new Verifier(workers, Progress.SILENT).verify(checkpoint, target);
    }
  }

  /// Every rule of every target has a fault that was planted here.
  @Test
  void noRuleIsForgotten() {
    List<String> planted =
        Stream.of(faults(), deepseekFaults(), QuantizedFaultsTest.faults())
            .flatMap(Function.identity())
            .map(Fault::rule)
            .distinct()
            .toList();
    List<String> elsewhere =
        List.of(
            "index-size",
            "gptq-exceptions",
            "expert-limit",
            "parallel-experts",
            "deepseek-v4-experts",
            "power-of-two-experts",
            "group-size");

    assertThat(Arrays.stream(Target.values()).flatMap(PlantedFaultsTest::rules).distinct())
        .allMatch(rule -> planted.contains(rule) || elsewhere.contains(rule));
  }

  private static Stream<String> rules(Target target) {
    return TargetRules.describe(target).stream().map(TargetRules.Description::id);
  }
}
