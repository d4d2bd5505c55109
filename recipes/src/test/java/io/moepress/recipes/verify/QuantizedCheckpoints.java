package io.moepress.recipes.verify;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.recipes.plan.QuantizeOptions;
import io.moepress.recipes.plan.QuantizeWeights;
import io.moepress.recipes.plan.QuantizeWeights.Part;
import io.moepress.recipes.plan.QuantizedStorage;
import io.moepress.recipes.planning.QuantizedParts;
import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Good checkpoints whose weights are integers, to be broken.
final class QuantizedCheckpoints {
  static final IntegerScheme W4 = new IntegerScheme(4, true, IntegerScheme.CHANNEL);
  static final IntegerScheme W8 = new IntegerScheme(8, true, IntegerScheme.CHANNEL);

  private QuantizedCheckpoints() {}

  /// Two layers of four experts in 4 bits, attention in 8.
  static EditedCheckpoint qwen3(Path scratch) throws IOException {
    return quantized(TinyMoe.qwen3().write(scratch), W4, W8);
  }

  /// The same with other schemes, 32 weights in a row.
  static EditedCheckpoint qwen3(Path scratch, IntegerScheme experts, IntegerScheme others)
      throws IOException {
    return quantized(TinyMoe.qwen3().hidden(32).expertWidth(32).write(scratch), experts, others);
  }

  /// Two layers of four experts, whose projections are called `w1`, `w2` and `w3`.
  static EditedCheckpoint mixtral(Path scratch) throws IOException {
    return quantized(TinyMoe.mixtral().write(scratch), W4, W8);
  }

  /// A dense layer and three layers of eight experts and a shared one, all in 4 bits.
  static EditedCheckpoint deepseek() throws IOException {
    IntegerScheme pairs = new IntegerScheme(4, true, 2);
    EditedCheckpoint checkpoint = quantized(TestData.path("golden/arch/deepseek_v3"), pairs, pairs);
    checkpoint.config.put("num_nextn_predict_layers", 0);
    return checkpoint;
  }

  /// Two layers of four experts, each layer with the schemes that it is given for gate, up and
  /// down.
  static EditedCheckpoint qwen3(Path scratch, List<List<List<IntegerScheme>>> byLayer)
      throws IOException {
    return ofSchemes(TinyMoe.qwen3().write(scratch), byLayer);
  }

  /// The same with projections that are called `w1`, `w2` and `w3`.
  static EditedCheckpoint mixtral(Path scratch, List<List<List<IntegerScheme>>> byLayer)
      throws IOException {
    return ofSchemes(TinyMoe.mixtral().write(scratch), byLayer);
  }

  private static EditedCheckpoint ofSchemes(Path source, List<List<List<IntegerScheme>>> byLayer)
      throws IOException {
    List<TensorRole> roles =
        List.of(TensorRole.EXPERT_GATE, TensorRole.EXPERT_UP, TensorRole.EXPERT_DOWN);
    List<PlanStep> steps = new ArrayList<>();
    for (int layer = 0; layer < byLayer.size(); layer++) {
      List<Part> parts = new ArrayList<>();
      for (int role = 0; role < roles.size(); role++) {
        parts.add(new Part(List.of(roles.get(role)), byLayer.get(layer).get(role), List.of()));
      }
      steps.add(step(layer, parts));
    }
    return lowered(source, steps);
  }

  private static EditedCheckpoint quantized(
      Path source, IntegerScheme experts, IntegerScheme others) throws IOException {
    return quantized(
        source,
        new QuantizeOptions(
            experts,
            Optional.empty(),
            Optional.of(others),
            Optional.of(QuantizedStorage.COMPRESSED_TENSORS)));
  }

  private static EditedCheckpoint quantized(Path source, QuantizeOptions options)
      throws IOException {
    QuantizedStorage storage = options.storage().orElseThrow();
    List<PlanStep> steps = new ArrayList<>();
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(source)) {
      MoeModel model = MoeModel.of(checkpoint);
      for (int layer = 0; layer < model.layout().layers(); layer++) {
        List<Part> parts = new QuantizedParts(model, options).of(layer);
        steps.add(new QuantizeWeights(layer, "handmade", storage, parts));
      }
    }
    return lowered(source, steps);
  }

  /// The same in the layout of GPTQ, 32 weights in a row.
  static EditedCheckpoint gptq(Path scratch, IntegerScheme experts, Optional<IntegerScheme> others)
      throws IOException {
    Path source = TinyMoe.qwen3().hidden(32).expertWidth(32).write(scratch);
    return quantized(
        source,
        new QuantizeOptions(experts, Optional.empty(), others, Optional.of(QuantizedStorage.GPTQ)));
  }

  /// The same with experts in 8 bits in the first layer and in 4 in the second.
  static EditedCheckpoint gptqByLayer(Path scratch) throws IOException {
    List<TensorRole> roles =
        List.of(TensorRole.EXPERT_GATE, TensorRole.EXPERT_UP, TensorRole.EXPERT_DOWN);
    List<PlanStep> steps = new ArrayList<>();
    for (IntegerScheme scheme : List.of(W8, W4)) {
      List<Part> parts = List.of(new Part(roles, scheme));
      steps.add(new QuantizeWeights(steps.size(), "handmade", QuantizedStorage.GPTQ, parts));
    }
    return lowered(TinyMoe.qwen3().hidden(32).expertWidth(32).write(scratch), steps);
  }

  static ObjectNode dynamic(EditedCheckpoint it) {
    return (ObjectNode) config(it).get("dynamic");
  }

  private static QuantizeWeights step(int layer, List<Part> parts) {
    return new QuantizeWeights(layer, "handmade", QuantizedStorage.COMPRESSED_TENSORS, parts);
  }

  private static EditedCheckpoint lowered(Path source, List<PlanStep> steps) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(source)) {
      MoeModel model = MoeModel.of(checkpoint);
      return new EditedCheckpoint(new PlannedCheckpoint(checkpoint, Lowering.lower(model, steps)));
    }
  }

  static ObjectNode config(EditedCheckpoint it) {
    return (ObjectNode) it.config.get("quantization_config");
  }

  static ObjectNode group(EditedCheckpoint it, int index) {
    return (ObjectNode) config(it).get("config_groups").get("group_" + index);
  }

  /// The scheme of a group.
  static ObjectNode weights(EditedCheckpoint it, int index) {
    return (ObjectNode) group(it, index).get("weights");
  }

  static void targets(EditedCheckpoint it, int group, String... names) {
    ArrayNode targets = group(it, group).putArray("targets");
    Arrays.stream(names).forEach(targets::add);
  }

  static ArrayNode ignored(EditedCheckpoint it) {
    return (ArrayNode) config(it).get("ignore");
  }

  /// Takes a name out of the list of layers that are not quantised.
  static void forget(EditedCheckpoint it, String name) {
    List<String> others = ignored(it).valueStream().map(each -> each.asString()).toList();
    ArrayNode left = config(it).putArray("ignore");
    others.stream().filter(each -> !each.equals(name)).forEach(left::add);
  }

  /// Stores a layer in F32 again, and lists it.
  static void unpack(EditedCheckpoint it, String module) {
    ByteBuffer shape =
        ByteBuffer.wrap(it.get(module + ".weight_shape").bytes()).order(ByteOrder.LITTLE_ENDIAN);
    it.tensors.put(
        module + ".weight",
        EditedCheckpoint.Tensor.zeros("F32", shape.getLong(0), shape.getLong(Long.BYTES)));
    List.of("packed", "scale", "shape").forEach(part -> it.remove(module + ".weight_" + part));
    ignored(it).add(module);
  }

  /// Stores the experts of a layer in F32 again.
  static void unpackExperts(EditedCheckpoint it, int layer) {
    for (int expert = 0; expert < 4; expert++) {
      for (String projection : List.of("gate", "up", "down")) {
        unpack(it, "model.layers." + layer + ".mlp.experts." + expert + "." + projection + "_proj");
      }
    }
  }
}
