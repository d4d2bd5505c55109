package io.moepress.formats.gguf;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.Refusal;
import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.Shape;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Names, shapes, orders of rows and keys, family by family.
class GgufModelTest {
  private static final String[] QWEN2_ALL_SPARSE = {
    "\"decoder_sparse_step\": 2", "\"decoder_sparse_step\": 1", "3\n  ]", "\n  ]"
  };

  private static MoeModel family(String name) throws IOException {
    return switch (name) {
      case "qwen2_moe" -> PatternCheckpoint.model(name, QWEN2_ALL_SPARSE);
      default -> PatternCheckpoint.model(name);
    };
  }

  @ParameterizedTest
  @ValueSource(strings = {"mixtral", "qwen2_moe", "olmoe", "deepseek_v2", "deepseek_v3", "gpt_oss"})
  void everyTensorOfTheModelIsThereOnce(String name) throws IOException {
    MoeModel model = family(name);
    List<Float> expected = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      for (TensorId id : model.inventory().names().keySet()) {
        for (float value : Numbers.floats(model.read(id, arena))) {
          expected.add(value);
        }
      }
    }
    List<Float> found = new ArrayList<>();
    for (GgufTensor tensor : GgufModel.of(model).tensors()) {
      assertThat(tensor.name().length()).isLessThan(64);
      for (float value : values(model, tensor)) {
        found.add(value);
      }
    }
    expected.sort(null);
    found.sort(null);
    assertThat(found).isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(strings = {"mixtral", "qwen2_moe", "olmoe", "deepseek_v2", "deepseek_v3"})
  void expertsStandOneBehindTheOther(String name) throws IOException {
    MoeModel model = family(name);
    int layer = model.layout().moeLayers().getLast();
    for (TensorRole role :
        List.of(TensorRole.EXPERT_GATE, TensorRole.EXPERT_UP, TensorRole.EXPERT_DOWN)) {
      GgufTensor stack = tensor(model, name(model, TensorId.ofLayer(role, layer)));
      Shape one = model.layout().shape(role);
      assertThat(stack.shape())
          .isEqualTo(Shape.of(model.layout().experts(), one.dimension(0), one.dimension(1)));
      float[] values = values(model, stack);
      for (int expert = 0; expert < model.layout().experts(); expert++) {
        float[] matrix = source(model, new TensorId(role, layer, expert));
        assertThat(Arrays.copyOfRange(values, expert * matrix.length, (expert + 1) * matrix.length))
            .isEqualTo(matrix);
      }
    }
  }

  /// llama.cpp turns neighbours of a head together, Mixtral halves.
  @Test
  void rowsOfQueriesAndKeysOfMixtralChangePlaces() throws IOException {
    MoeModel model = family("mixtral");
    int hidden = model.layout().dimension(Dimension.HIDDEN);
    int width = model.layout().dimension(Dimension.HEAD_DIM);
    for (TensorRole role : List.of(TensorRole.QUERY, TensorRole.KEY)) {
      TensorId id = TensorId.ofLayer(role, 1);
      float[] before = source(model, id);
      float[] after = values(model, tensor(model, name(model, id)));
      for (int row = 0; row < before.length / hidden; row++) {
        int inHead = row % width;
        int target =
            row - inHead + (inHead < width / 2 ? 2 * inHead : 2 * (inHead - width / 2) + 1);
        assertThat(after[target * hidden])
            .as("%s row %s", role, row)
            .isEqualTo(before[row * hidden]);
        assertThat(after[target * hidden + hidden - 1])
            .isEqualTo(before[row * hidden + hidden - 1]);
      }
    }
    TensorId value = TensorId.ofLayer(TensorRole.VALUE, 1);
    assertThat(values(model, tensor(model, "blk.1.attn_v.weight"))).isEqualTo(source(model, value));
  }

  @ParameterizedTest
  @ValueSource(strings = {"qwen2_moe", "olmoe"})
  void rowsOfOtherFamiliesStayWhereTheyAre(String name) throws IOException {
    MoeModel model = family(name);
    for (TensorRole role : List.of(TensorRole.QUERY, TensorRole.KEY)) {
      TensorId id = TensorId.ofLayer(role, 0);
      assertThat(values(model, tensor(model, name(model, id)))).isEqualTo(source(model, id));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"deepseek_v2", "deepseek_v3"})
  void expansionOfKeysAndValuesIsSplitByHeads(String name) throws IOException {
    MoeModel model = family(name);
    int heads = model.layout().dimension(Dimension.HEADS);
    int plain = model.layout().count("plainDim");
    int value = model.layout().count("valueDim");
    int latent = model.layout().count("latentDim");
    float[] both = source(model, TensorId.ofLayer(TensorRole.KEY_VALUE_EXPAND, 2));
    GgufTensor keys = tensor(model, "blk.2.attn_k_b.weight");
    GgufTensor valuesOf = tensor(model, "blk.2.attn_v_b.weight");
    assertThat(keys.shape()).isEqualTo(Shape.of(heads, latent, plain));
    assertThat(valuesOf.shape()).isEqualTo(Shape.of(heads, value, latent));
    float[] k = values(model, keys);
    float[] v = values(model, valuesOf);
    for (int head = 0; head < heads; head++) {
      int first = head * (plain + value); // row of the head in the source
      for (int row = 0; row < plain; row++) {
        for (int column = 0; column < latent; column++) {
          assertThat(k[(head * latent + column) * plain + row])
              .isEqualTo(both[(first + row) * latent + column]);
        }
      }
      for (int row = 0; row < value; row++) {
        assertThat(v[(head * value + row) * latent])
            .isEqualTo(both[(first + plain + row) * latent]);
      }
    }
  }

  @Test
  void keysOfDeepSeekV3() throws IOException {
    MoeModel model = family("deepseek_v3");
    GgufModel mapped = GgufModel.of(model);

    int latent = model.layout().count("latentDim");
    int turned = model.layout().count("turnedDim");
    assertThat(mapped.metadata())
        .containsEntry("deepseek2.expert_gating_func", GgufValue.count(2))
        .containsEntry("deepseek2.expert_weights_norm", GgufValue.flag(true))
        .containsEntry(
            "deepseek2.expert_group_count", GgufValue.count(model.layout().groups().count()))
        .containsEntry(
            "deepseek2.expert_group_used_count", GgufValue.count(model.layout().groups().open()))
        .containsEntry(
            "deepseek2.expert_weights_scale",
            GgufValue.number(model.layout().number("config.routed_scaling_factor").orElseThrow()))
        .containsEntry("deepseek2.attention.head_count_kv", GgufValue.count(1))
        .containsEntry("deepseek2.attention.key_length", GgufValue.count(latent + turned))
        .containsEntry("deepseek2.attention.value_length", GgufValue.count(latent))
        .containsEntry(
            "deepseek2.attention.key_length_mla",
            GgufValue.count(model.layout().dimension(Dimension.HEAD_DIM)))
        .containsEntry(
            "deepseek2.attention.value_length_mla",
            GgufValue.count(model.layout().count("valueDim")))
        .containsEntry("deepseek2.rope.dimension_count", GgufValue.count(turned))
        .containsEntry(
            "deepseek2.leading_dense_block_count",
            GgufValue.count(model.layout().layers() - model.layout().moeLayers().size()));
    assertThat(mapped.tensors()).extracting(GgufTensor::name).contains("blk.3.exp_probs_b.bias");
  }

  @Test
  void keysOfDeepSeekV2WithScaledPositions() throws IOException {
    GgufModel mapped = GgufModel.of(family("deepseek_v2"));

    assertThat(mapped.metadata())
        .containsEntry("deepseek2.rope.freq_base", GgufValue.number(10_000))
        .containsEntry("deepseek2.rope.scaling.type", GgufValue.text("yarn"))
        .containsEntry("deepseek2.rope.scaling.factor", GgufValue.number(8))
        .containsEntry("deepseek2.rope.scaling.original_context_length", GgufValue.count(64))
        .containsEntry("deepseek2.rope.scaling.yarn_beta_fast", GgufValue.number(32))
        .containsEntry("deepseek2.rope.scaling.yarn_log_multiplier", GgufValue.number(0.0707))
        .containsEntry("deepseek2.expert_gating_func", GgufValue.count(1))
        .containsEntry("deepseek2.expert_shared_count", GgufValue.count(2))
        .doesNotContainKey("deepseek2.attention.q_lora_rank");
    assertThat(mapped.notes()).anyMatch(note -> note.contains("two best experts"));
  }

  @Test
  void keysOfFamiliesWhoseRoutingIsFixed() throws IOException {
    GgufModel qwen = GgufModel.of(family("qwen2_moe"));

    assertThat(qwen.metadata())
        .containsEntry("qwen2moe.block_count", GgufValue.count(4))
        .containsEntry("qwen2moe.context_length", GgufValue.count(512))
        .containsEntry("qwen2moe.embedding_length", GgufValue.count(32))
        .containsEntry("qwen2moe.feed_forward_length", GgufValue.count(24))
        .containsEntry("qwen2moe.expert_feed_forward_length", GgufValue.count(16))
        .containsEntry("qwen2moe.expert_shared_feed_forward_length", GgufValue.count(24))
        .containsEntry("qwen2moe.expert_count", GgufValue.count(6))
        .containsEntry("qwen2moe.expert_used_count", GgufValue.count(2))
        .containsEntry("qwen2moe.attention.head_count", GgufValue.count(4))
        .containsEntry("qwen2moe.attention.head_count_kv", GgufValue.count(2))
        .containsEntry("qwen2moe.attention.layer_norm_rms_epsilon", GgufValue.number(1e-6))
        .doesNotContainKeys("qwen2moe.expert_gating_func", "qwen2moe.expert_weights_norm");
    assertThat(qwen.notes()).isEmpty();
    assertThat(GgufModel.of(family("mixtral")).metadata()).containsKey("llama.expert_count");
  }

  @Test
  void whatLlamaCppDoesOtherwiseIsSaid() throws IOException {
    assertThat(GgufModel.of(family("olmoe")).notes())
        .containsExactly(
            "llama.cpp does not clip queries, keys and values of this family; the model does");
    MoeModel renormalised =
        PatternCheckpoint.model(
            "qwen2_moe",
            QWEN2_ALL_SPARSE[0],
            QWEN2_ALL_SPARSE[1],
            QWEN2_ALL_SPARSE[2],
            QWEN2_ALL_SPARSE[3],
            "\"norm_topk_prob\": false",
            "\"norm_topk_prob\": true");
    assertThat(GgufModel.of(renormalised).notes())
        .containsExactly(
            "llama.cpp does not divide the weights of the chosen experts of this family by their"
                + " sum; the model does so");
  }

  /// Experts stand input first, gates and ups by turns; so do their biases.
  @Test
  void expertsOfGptOssAndTheirBiases() throws IOException {
    MoeModel model = family("gpt_oss");
    int hidden = model.layout().dimension(Dimension.HIDDEN);
    int width = model.layout().dimension(Dimension.EXPERT_WIDTH);
    float[] both = source(model, TensorId.ofLayer(TensorRole.EXPERTS_GATE_UP, 1));
    float[] biases = source(model, TensorId.ofLayer(TensorRole.EXPERTS_GATE_UP_BIAS, 1));
    float[] down = source(model, TensorId.ofLayer(TensorRole.EXPERTS_DOWN, 1));
    for (int part = 0; part < 2; part++) {
      String name = "blk.1.ffn_" + (part == 0 ? "gate" : "up") + "_exps";
      float[] weights = values(model, tensor(model, name + ".weight"));
      float[] found = values(model, tensor(model, name + ".bias"));
      for (int i = 0; i < weights.length; i++) {
        int expert = i / (width * hidden);
        int row = i / hidden % width;
        int source = (expert * hidden + i % hidden) * 2 * width + 2 * row + part;
        assertThat(weights[i]).as("%s %s", name, i).isEqualTo(both[source]);
      }
      for (int i = 0; i < found.length; i++) {
        assertThat(found[i]).as("%s %s", name, i).isEqualTo(biases[2 * i + part]);
      }
    }
    float[] turned = values(model, tensor(model, "blk.1.ffn_down_exps.weight"));
    assertThat(turned[hidden * width + 3 * width + 5]) // expert 1, output 3, input 5
        .isEqualTo(down[hidden * width + 5 * hidden + 3]);
    assertThat(tensor(model, "blk.1.ffn_down_exps.bias").shape())
        .isEqualTo(Shape.of(model.layout().experts(), hidden));
  }

  @Test
  void keysAndNamesOfGptOss() throws IOException {
    GgufModel mapped = GgufModel.of(family("gpt_oss"));

    assertThat(mapped.metadata())
        .containsEntry("gpt-oss.attention.sliding_window", GgufValue.count(5))
        .containsEntry("gpt-oss.expert_feed_forward_length", GgufValue.count(32))
        .containsEntry("gpt-oss.rope.scaling.type", GgufValue.text("yarn"))
        .doesNotContainKey("gpt-oss.expert_gating_func");
    assertThat(mapped.tensors())
        .extracting(GgufTensor::name)
        .contains(
            "blk.0.post_attention_norm.weight", "blk.0.attn_sinks.weight", "blk.0.attn_output.bias")
        .doesNotContain("blk.0.ffn_norm.weight");
    assertThat(mapped.notes())
        .containsExactly(
            "llama.cpp begins and ends the range that YaRN blends at whole dimensions; the model"
                + " (\"truncate\": false) between them, so that all results differ a little");
  }

  @Test
  void otherWindowsAndLimitsOfGptOssAreSaid() throws IOException {
    MoeModel model =
        PatternCheckpoint.model(
            "gpt_oss",
            "\"full_attention\"\n",
            "\"sliding_attention\"\n",
            "\"sliding_window\": 5",
            "\"swiglu_limit\": 8, \"sliding_window\": 5",
            "\"truncate\": false",
            "\"truncate\": true");

    assertThat(GgufModel.of(model).notes())
        .containsExactly(
            "llama.cpp gives all layers of this family a sliding window but one in 2; in the model it"
                + " is the other way round in the layers [3]",
            "llama.cpp clamps what is inside the experts of this family to 7.0; the model to 8.0");
  }

  @Test
  void denseLayersWhereLlamaCppKnowsNoneAreRefused() throws IOException {
    MoeModel model = PatternCheckpoint.model("qwen2_moe");

    assertThat(Refusal.of(() -> GgufModel.of(model)))
        .isEqualTo(
            "config.json: layers [0, 2, 3] have no experts (llama.cpp's qwen2moe knows such layers"
                + " nowhere). Stay with safetensors.");
  }

  @Test
  void positionsScaledInAWayThatNoFileHoldsAreRefused() throws IOException {
    MoeModel longrope =
        PatternCheckpoint.model(
            "olmoe", "\"rope_type\": \"default\"", "\"rope_type\": \"longrope\"");
    assertThat(Refusal.of(() -> GgufModel.of(longrope)))
        .contains("rotary scaling \"longrope\" (expected default, linear or yarn");
    MoeModel factor =
        PatternCheckpoint.model(
            "deepseek_v2", "\"factor\": 8.0", "\"attention_factor\": 1.5, \"factor\": 8.0");
    assertThat(Refusal.of(() -> GgufModel.of(factor))).contains("its own attention_factor");
  }

  /// Before transformers 5, `rope_theta` stood beside `rope_scaling`.
  @Test
  void olderSpellingOfPositions() throws IOException {
    MoeModel model =
        PatternCheckpoint.model(
            "olmoe",
            "\"rope_parameters\": {\n    \"rope_theta\": 10000.0,\n    \"rope_type\": \"default\"\n  }",
            "\"rope_theta\": 500000, \"rope_scaling\": {\"type\": \"linear\", \"factor\": 4}");
    assertThat(GgufModel.of(model).metadata())
        .containsEntry("olmoe.rope.freq_base", GgufValue.number(500_000))
        .containsEntry("olmoe.rope.scaling.type", GgufValue.text("linear"))
        .containsEntry("olmoe.rope.scaling.factor", GgufValue.number(4));
  }

  @Test
  void moreExpertsThanLlamaCppTakesAreRefused() throws IOException {
    MoeModel model = PatternCheckpoint.model("olmoe", "\"num_experts\": 6", "\"num_experts\": 513");

    assertThat(Refusal.of(() -> GgufModel.of(model)))
        .contains("513 experts (llama.cpp takes at most 512)");
  }

  private static GgufTensor tensor(MoeModel model, String name) {
    return GgufModel.of(model).tensor(name).orElseThrow();
  }

  private static String name(MoeModel model, TensorId id) {
    return GgufNames.of(id, GgufModel.mapping(model));
  }

  private static float[] source(MoeModel model, TensorId id) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      return Numbers.floats(model.read(id, arena));
    }
  }

  private static float[] values(MoeModel model, GgufTensor tensor) throws IOException {
    float[] all = new float[(int) tensor.shape().elementCount()];
    int next = 0;
    try (Arena arena = Arena.ofConfined()) {
      for (Piece piece : tensor.pieces()) {
        float[] part = Numbers.floats(piece.read(model, arena));
        System.arraycopy(part, 0, all, next, part.length);
        next += part.length;
      }
    }
    return all;
  }
}
