package io.moepress.recipes.verify;

import static io.moepress.recipes.verify.QuantizedCheckpoints.W4;
import static io.moepress.recipes.verify.QuantizedCheckpoints.W8;
import static io.moepress.recipes.verify.QuantizedCheckpoints.config;
import static io.moepress.recipes.verify.QuantizedCheckpoints.dynamic;
import static io.moepress.recipes.verify.QuantizedCheckpoints.forget;
import static io.moepress.recipes.verify.QuantizedCheckpoints.group;
import static io.moepress.recipes.verify.QuantizedCheckpoints.ignored;
import static io.moepress.recipes.verify.QuantizedCheckpoints.targets;
import static io.moepress.recipes.verify.QuantizedCheckpoints.unpack;
import static io.moepress.recipes.verify.QuantizedCheckpoints.unpackExperts;
import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.recipes.target.Target;
import io.moepress.recipes.verify.EditedCheckpoint.Tensor;
import io.moepress.recipes.verify.PlantedFaultsTest.Fault;
import io.moepress.recipes.verify.Verifier.Check;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.node.ArrayNode;

/// Each rule about weights that are integers finds the fault that it is there for, and no other
/// rule speaks of it.
class QuantizedFaultsTest {
  private static final String LAYER = "model.layers.1.";
  private static final String EXPERTS = LAYER + "mlp.experts.";
  private static final String UP = EXPERTS + "3.up_proj.weight_";
  private static final String QUERY = LAYER + "self_attn.q_proj";
  private static final String ROUTER = LAYER + "mlp.gate";
  private static final List<IntegerScheme> FOUR = List.of(W4);
  private static final List<IntegerScheme> EIGHT = List.of(W8);

  @TempDir Path folder;

  private static Fault refused(
      Target target, String rule, Consumer<EditedCheckpoint> planter, String found) {
    return new Fault(rule, target, "FAILED", planter, found);
  }

  private static Fault warned(
      Target target, String rule, Consumer<EditedCheckpoint> planter, String found) {
    return new Fault(rule, target, "warning", planter, found);
  }

  /// Faults of a checkpoint with experts in 4 bits and attention in 8.
  static Stream<Fault> planted() {
    return Stream.of(
        refused(
            Target.TRANSFORMERS,
            "quantized-parts",
            it -> it.remove(UP + "scale"),
            "tensor " + UP + "scale is missing"),
        refused(
            Target.TRANSFORMERS,
            "quantized-parts",
            it -> it.remove(UP + "shape"),
            "tensor " + UP + "shape is missing"),
        refused(
            Target.VLLM,
            "quantized-parts",
            it -> it.remove(UP + "packed"),
            "tensor " + UP + "scale belongs to none"),
        refused(
            Target.SGLANG,
            "quantized-parts",
            it -> it.tensors.put(UP + "scale", Tensor.zeros("F32", 4, 1)),
            UP + "packed: shape [8, 2], and " + UP + "scale has [4, 1]"),
        refused(
            Target.RESEARCH,
            "quantized-parts",
            QuantizedFaultsTest::makeAsymmetric,
            "weight_zero_point is missing"),
        refused(
            Target.TRANSFORMERS,
            "quantized-parts",
            it ->
                QuantizedCheckpoints.weights(it, 0).put("strategy", "group").put("group_size", 40),
            "does not fit W4A16, groups of 40"),
        refused(
            Target.TRANSFORMERS,
            "quantized-parts",
            it -> targets(it, 0, "re:.*layers[.]1[.].*experts"),
            "no group of layers has model.layers.0.mlp.experts.0.down_proj"),
        refused(
            Target.TRANSFORMERS,
            "quantized-listed",
            it -> ignored(it).add(LAYER + "self_attn.o_proj"),
            LAYER + "self_attn.o_proj: quantised, and in the list of those that are not"),
        refused(
            Target.TRANSFORMERS,
            "unquantized-listed",
            it -> forget(it, "lm_head"),
            "lm_head: not quantised"),
        refused(
            Target.VLLM,
            "unquantized-listed",
            it -> {
              it.remove("lm_head.weight");
              it.config.put("tie_word_embeddings", true);
              forget(it, "lm_head");
            },
            "lm_head: not quantised"),
        refused(Target.VLLM, "router-listed", it -> forget(it, ROUTER), ROUTER),
        refused(Target.SGLANG, "router-listed", it -> forget(it, ROUTER), ROUTER),
        refused(Target.TRANSFORMERS, "router-plain", QuantizedFaultsTest::packRouter, ROUTER),
        warned(
            Target.VLLM,
            "layers-listed",
            it -> {
              targets(it, 0, "re:.*experts");
              forget(it, "lm_head");
            },
            "lm_head: in no group"),
        refused(
            Target.TRANSFORMERS,
            "quantized-experts",
            it -> unpackExperts(it, 0),
            "experts of layers [0] are not quantised"),
        refused(
            Target.TRANSFORMERS,
            "quantized-experts",
            it -> {
              unpackExperts(it, 0);
              unpackExperts(it, 1);
            },
            "experts of layers [0, 1] are not quantised"),
        refused(
            Target.VLLM,
            "expert-schemes",
            it ->
                List.of("gate", "up", "down")
                    .forEach(p -> unpack(it, EXPERTS + "3." + p + "_proj")),
            "layer 1 has W4A16, a scale for each row and plain weights"),
        refused(
            Target.TRANSFORMERS,
            "expert-group",
            it -> {
              targets(it, 0, "re:.*mlp");
              targets(it, 1, "re:.*self_attn", QUERY);
            },
            "experts in W4A16, a scale for each row, and that group has W8A16"),
        refused(
            Target.TRANSFORMERS,
            "expert-group",
            it -> {
              targets(it, 0, "Linear");
              targets(it, 1, "re:.*self_attn", "re:.*shared_experts");
            },
            "experts in W4A16, a scale for each row, and that group has W8A16"),
        refused(
            Target.TRANSFORMERS,
            "group-formats",
            it -> config(it).put("format", "mixed-precision"),
            "group_0 has no format, group_1 has no format"),
        refused(
            Target.VLLM,
            "group-formats",
            it -> group(it, 0).put("format", "mixed-precision"),
            "group_0 has mixed-precision"),
        warned(
            Target.TRANSFORMERS,
            "one-group",
            it ->
                ((ArrayNode) group(it, 1).get("targets"))
                    .add("re:.*layers[.]1[.].*experts[.]3[.]up_proj"),
            EXPERTS + "3.up_proj: named by several groups"),
        refused(
            Target.VLLM,
            "fused-linears",
            it -> unpack(it, LAYER + "self_attn.q_proj"),
            LAYER + "self_attn.q_proj"),
        refused(
            Target.SGLANG,
            "ignored-parents",
            it -> ignored(it).add(EXPERTS + "0"),
            EXPERTS + "0: in \"ignore\", and no linear layers"));
  }

  /// Faults of checkpoints that are made otherwise.
  static Stream<MadeFault> made() {
    IntegerScheme asymmetric = new IntegerScheme(4, false, IntegerScheme.CHANNEL);
    IntegerScheme three = new IntegerScheme(3, true, IntegerScheme.CHANNEL);
    IntegerScheme two = new IntegerScheme(2, true, IntegerScheme.CHANNEL);
    IntegerScheme groups = new IntegerScheme(4, true, 32);
    return Stream.of(
        new MadeFault(
            path -> QuantizedCheckpoints.qwen3(path, layers(EIGHT, EIGHT, EIGHT)),
            refused(
                Target.TRANSFORMERS,
                "expert-schemes",
                it -> {},
                "layers have W8A16, a scale for each row and W4A16")),
        new MadeFault(
            path -> QuantizedCheckpoints.qwen3(path, layers(EIGHT, EIGHT, EIGHT)),
            warned(Target.SGLANG, "linear-group", it -> {}, "the group for Linear has W")),
        new MadeFault(
            path -> QuantizedCheckpoints.qwen3(path, layers(FOUR, FOUR, EIGHT)),
            refused(Target.VLLM, "expert-schemes", it -> {}, "layer 0 has W4A16")),
        new MadeFault(
            path -> QuantizedCheckpoints.qwen3(path, layers(FOUR, FOUR, EIGHT)),
            refused(Target.TRANSFORMERS, "expert-schemes", it -> {}, "layer 0 has W4A16")),
        new MadeFault(
            path -> QuantizedCheckpoints.qwen3(path, layers(last8(), last8(), last8())),
            refused(Target.VLLM, "expert-schemes", it -> {}, "layer 0 has W4A16")),
        new MadeFault(
            path -> QuantizedCheckpoints.qwen3(path, asymmetric, asymmetric),
            refused(Target.TRANSFORMERS, "symmetric-experts", it -> {}, "zero points")),
        new MadeFault(
            path -> QuantizedCheckpoints.qwen3(path, asymmetric, asymmetric),
            refused(Target.VLLM, "symmetric-experts", it -> {}, "zero points")),
        new MadeFault(
            path -> QuantizedCheckpoints.qwen3(path, three, W4),
            refused(Target.VLLM, "integer-widths", it -> {}, "0.gate_proj, W3A16")),
        new MadeFault(
            path -> QuantizedCheckpoints.qwen3(path, W4, two),
            refused(Target.VLLM, "integer-widths", it -> {}, "k_proj, W2A16")),
        new MadeFault(
            path -> QuantizedCheckpoints.qwen3(path, three, W4),
            warned(Target.TRANSFORMERS, "code-packing", it -> {}, "from 0.17.0 on")),
        new MadeFault(
            path -> QuantizedCheckpoints.qwen3(path, groups, W8),
            new Fault(
                "parallel-groups",
                Target.VLLM,
                "note",
                it -> {},
                "experts 32 wide in W4A16, groups of 32, over [2, 4, 8] accelerators")),
        new MadeFault(
            path -> QuantizedCheckpoints.qwen3(path, groups, W8),
            refused(
                Target.TRANSFORMERS,
                "quantized-parts",
                it -> it.tensors.put(UP + "packed", words(32, 3)),
                UP + "packed: shape [32, 3] with 1 groups does not fit W4A16, groups of 32")),
        new MadeFault(
            QuantizedCheckpoints::mixtral,
            refused(
                Target.VLLM,
                "expert-lookup",
                it -> targets(it, 0, "re:.*experts[.][0-9]+[.]w[123]$"),
                "model.layers.0.block_sparse_moe.experts.0.gate_proj, ")),
        new MadeFault(
            _ -> QuantizedCheckpoints.deepseek(),
            warned(
                Target.SGLANG,
                "shared-experts",
                it ->
                    List.of("gate", "up", "down")
                        .forEach(p -> unpack(it, LAYER + "mlp.shared_experts." + p + "_proj")),
                LAYER + "mlp.shared_experts.gate_proj")),
        new MadeFault(
            _ -> QuantizedCheckpoints.deepseek(),
            refused(
                Target.VLLM,
                "prediction-listed",
                it -> {
                  it.config.put("num_nextn_predict_layers", 1);
                  it.tensors.put(
                      "model.layers.4.mlp.experts.0.up_proj.weight", Tensor.zeros("F32", 16, 32));
                },
                "model.layers.4.mlp.experts.0.up_proj")));
  }

  /// Faults of checkpoints in the layout of GPTQ.
  static Stream<MadeFault> gptq() {
    IntegerScheme asymmetric = new IntegerScheme(4, false, IntegerScheme.CHANNEL);
    Source expertsOnly = path -> QuantizedCheckpoints.gptq(path, W4, Optional.empty());
    return Stream.of(
        new MadeFault(
            expertsOnly,
            refused(
                Target.VLLM,
                "quantized-parts",
                it -> it.remove(EXPERTS + "3.up_proj.g_idx"),
                "tensor " + EXPERTS + "3.up_proj.g_idx is missing")),
        new MadeFault(
            expertsOnly,
            refused(
                Target.VLLM,
                "quantized-parts",
                it -> it.tensors.put(EXPERTS + "3.up_proj.qzeros", words(1, 8)),
                "qzeros: I32 [1, 8] does not fit a layer [32, 32] in W4A16")),
        new MadeFault(
            expertsOnly,
            refused(
                Target.VLLM,
                "unquantized-listed",
                it -> dynamic(it).remove("-:^model[.]layers[.]1[.]self_attn[.]o_proj$"),
                LAYER + "self_attn.o_proj: not quantised")),
        new MadeFault(
            path -> QuantizedCheckpoints.gptq(path, W4, Optional.of(W4)),
            refused(
                Target.SGLANG,
                "quantized-listed",
                it -> dynamic(it).putObject("-:.*layers[.]1[.]self_attn[.]o_proj$"),
                LAYER + "self_attn.o_proj: quantised")),
        new MadeFault(
            path -> QuantizedCheckpoints.gptq(path, asymmetric, Optional.empty()),
            warned(Target.VLLM, "gptq-zero-points", it -> {}, "with zero points")),
        new MadeFault(
            path -> QuantizedCheckpoints.gptq(path, W4, Optional.of(W4)),
            warned(
                Target.TRANSFORMERS,
                "gptq-experts",
                it -> config(it).remove("dynamic"),
                "in the layout of GPTQ")),
        new MadeFault(
            QuantizedCheckpoints::gptqByLayer,
            refused(
                Target.VLLM,
                "expert-lookup",
                it -> {
                  dynamic(it).remove("+:^model[.]layers[.]1[.]mlp[.]experts([.]|$)");
                  dynamic(it).putObject("+:^model[.]layers[.]1[.]mlp[.]experts[.]").put("bits", 4);
                },
                "model.layers.1.mlp.experts: asked for")));
  }

  /// A checkpoint, and a fault that is planted in it or was in the making of it.
  record MadeFault(Source source, Fault fault) {
    @Override
    public String toString() {
      return fault.toString();
    }
  }

  /// Makes a checkpoint.
  @FunctionalInterface
  interface Source {
    EditedCheckpoint make(Path scratch) throws IOException;
  }

  static Stream<Fault> faults() {
    return Stream.concat(planted(), Stream.concat(made(), gptq()).map(MadeFault::fault));
  }

  /// A first layer with these schemes, and a second in 4 bits.
  private static List<List<List<IntegerScheme>>> layers(
      List<IntegerScheme> gate, List<IntegerScheme> up, List<IntegerScheme> down) {
    return List.of(List.of(gate, up, down), List.of(FOUR, FOUR, FOUR));
  }

  private static List<IntegerScheme> last8() {
    return List.of(W4, W4, W4, W8);
  }

  private static Tensor words(int rows, int columns) {
    byte[] bytes = new byte[rows * columns * Integer.BYTES];
    return new Tensor("I32", List.of((long) rows, (long) columns), bytes);
  }

  private static void makeAsymmetric(EditedCheckpoint it) {
    for (int group = 0; group < 2; group++) {
      QuantizedCheckpoints.weights(it, group).put("symmetric", false);
    }
  }

  /// Four rows of a matrix of experts become the router.
  private static void packRouter(EditedCheckpoint it) {
    Tensor codes = it.get(UP + "packed");
    Tensor scales = it.get(UP + "scale");
    it.tensors.put(
        ROUTER + ".weight_packed",
        new Tensor("I32", List.of(4L, 2L), Arrays.copyOf(codes.bytes(), 4 * 2 * Integer.BYTES)));
    it.tensors.put(
        ROUTER + ".weight_scale",
        new Tensor("F32", List.of(4L, 1L), Arrays.copyOf(scales.bytes(), 4 * Float.BYTES)));
    ByteBuffer shape = ByteBuffer.allocate(2 * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    it.tensors.put(
        ROUTER + ".weight_shape",
        new Tensor("I64", List.of(2L), shape.putLong(4).putLong(16).array()));
    it.remove(ROUTER + ".weight");
    forget(it, ROUTER);
  }

  @ParameterizedTest
  @MethodSource("planted")
  void exactlyOneRuleSpeaks(Fault fault) throws IOException {
    assertOnlyItSpeaks(QuantizedCheckpoints.qwen3(folder.resolve("source")), fault);
  }

  @ParameterizedTest
  @MethodSource({"made", "gptq"})
  void exactlyOneRuleSpeaksOfOthers(MadeFault made) throws IOException {
    assertOnlyItSpeaks(made.source().make(folder.resolve("source")), made.fault());
  }

  private void assertOnlyItSpeaks(EditedCheckpoint checkpoint, Fault fault) throws IOException {
    fault.planter().accept(checkpoint);

    List<Check> speaking = speaking(checkpoint, fault.target());

    assertThat(speaking).extracting(Check::name).containsExactly(fault.rule());
    assertThat(speaking.getFirst().outcome()).isEqualTo(fault.outcome());
    assertThat(speaking.getFirst().findings().getFirst().found()).contains(fault.found());
    assertThat(speaking.getFirst().findings().getFirst().wayOut()).isNotBlank();
  }

  private List<Check> speaking(EditedCheckpoint checkpoint, Target target) throws IOException {
    Path directory = checkpoint.write(folder.resolve("planted"));
    try (CheckpointDirectory opened = CheckpointDirectory.open(directory);
        Workers workers = new Workers(1)) {
      return new Verifier(workers, Progress.SILENT)
          .verify(opened, target).stream().filter(check -> !check.outcome().equals("ok")).toList();
    }
  }

  @ParameterizedTest
  @EnumSource(Target.class)
  void soundCheckpointsPass(Target target) throws IOException {
    for (EditedCheckpoint sound :
        List.of(
            QuantizedCheckpoints.qwen3(folder.resolve("qwen3")),
            QuantizedCheckpoints.mixtral(folder.resolve("mixtral")),
            QuantizedCheckpoints.deepseek())) {
      assertThat(speaking(sound, target)).isEmpty();
    }
  }

  /// vLLM loads what transformers does not.
  @Test
  void layersMayDifferForVllm() throws IOException {
    EditedCheckpoint plain = QuantizedCheckpoints.qwen3(folder.resolve("plain"));
    unpackExperts(plain, 0);

    assertThat(speaking(plain, Target.VLLM)).isEmpty();
    assertThat(
            speaking(
                QuantizedCheckpoints.qwen3(folder.resolve("wide"), layers(EIGHT, EIGHT, EIGHT)),
                Target.VLLM))
        .isEmpty();
    assertThat(
            speaking(
                QuantizedCheckpoints.mixtral(folder.resolve("w1"), layers(EIGHT, EIGHT, EIGHT)),
                Target.VLLM))
        .isEmpty();
  }

  @Test
  void checkpointsByGptqLoadWhereTheirExceptionsAreRead() throws IOException {
    EditedCheckpoint checkpoint =
        QuantizedCheckpoints.gptq(folder.resolve("four"), W4, Optional.of(W8));
    EditedCheckpoint byLayer = QuantizedCheckpoints.gptqByLayer(folder.resolve("layers"));

    for (Target target : List.of(Target.VLLM, Target.SGLANG, Target.RESEARCH)) {
      assertThat(speaking(checkpoint, target)).isEmpty();
      assertThat(speaking(byLayer, target)).isEmpty();
    }
    assertThat(speaking(checkpoint, Target.TRANSFORMERS))
        .extracting(Check::name)
        .contains("gptq-exceptions");
  }

  /// Version 2 stores what version 1 stores less 1, and nothing else tells them apart.
  @Test
  void versionsOfGptqThatAreMistakenForEachOtherAreFound() throws IOException {
    EditedCheckpoint checkpoint =
        QuantizedCheckpoints.gptq(folder.resolve("source"), W4, Optional.empty());
    config(checkpoint).put("checkpoint_format", "gptq_v2");

    assertOnlyFails(checkpoint, "codes and scales", EXPERTS + "3.up_proj.qzeros");
  }

  @Test
  void inputsInOtherGroupsThanTheConfigurationSaysAreFound() throws IOException {
    IntegerScheme groups = new IntegerScheme(4, true, 4);
    EditedCheckpoint checkpoint =
        QuantizedCheckpoints.gptq(folder.resolve("source"), groups, Optional.empty());
    bytes(checkpoint, EXPERTS + "3.up_proj.g_idx").putInt(0, 5);

    assertOnlyFails(checkpoint, "codes and scales", EXPERTS + "3.up_proj.g_idx");
  }

  /// The router is no linear layer in transformers.
  @Test
  void transformersWantsNoRouterListed() throws IOException {
    EditedCheckpoint checkpoint = QuantizedCheckpoints.qwen3(folder.resolve("source"));
    forget(checkpoint, ROUTER);

    assertThat(speaking(checkpoint, Target.TRANSFORMERS)).isEmpty();
  }

  @Test
  void aScaleOfZeroIsFound() throws IOException {
    EditedCheckpoint checkpoint = QuantizedCheckpoints.qwen3(folder.resolve("source"));
    bytes(checkpoint, UP + "scale").putFloat(Float.BYTES, -0f);

    assertOnlyFails(checkpoint, "codes and scales", UP + "scale");
  }

  @Test
  void aScaleThatIsNoNumberIsFound() throws IOException {
    EditedCheckpoint checkpoint = QuantizedCheckpoints.qwen3(folder.resolve("source"));
    bytes(checkpoint, UP + "scale").putFloat(0, Float.NaN);

    assertOnlyFails(checkpoint, "finite weights", UP + "scale");
  }

  @Test
  void aShapeThatIsNotThatOfTheCodesIsFound() throws IOException {
    EditedCheckpoint checkpoint = QuantizedCheckpoints.qwen3(folder.resolve("source"));
    bytes(checkpoint, UP + "shape").putLong(0, 16).putLong(Long.BYTES, 8);

    assertOnlyFails(checkpoint, "codes and scales", UP + "shape");
  }

  private static ByteBuffer bytes(EditedCheckpoint checkpoint, String tensor) {
    return ByteBuffer.wrap(checkpoint.get(tensor).bytes()).order(ByteOrder.LITTLE_ENDIAN);
  }

  private void assertOnlyFails(EditedCheckpoint checkpoint, String check, String detail)
      throws IOException {
    List<Check> speaking = speaking(checkpoint, Target.VLLM);

    assertThat(speaking).extracting(Check::name).containsExactly(check);
    assertThat(speaking.getFirst().passed()).isFalse();
    assertThat(speaking.getFirst().detail()).contains(detail);
  }
}
