package io.moepress.testdata;

import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// `config.json` as transformers 5.18 spells it.
final class TinyConfig {

  private static final String ROPE =
      """
      {
          "rope_theta": 10000.0,
          "rope_type": "default"
        }\
      """;

  private TinyConfig() {}

  /// Keys in alphabetical order, values as JSON.
  static SortedMap<String, String> of(TinyMoe moe) {
    SortedMap<String, String> config = new TreeMap<>(shared(moe));
    config.putAll(
        switch (moe.family) {
          case QWEN3_MOE -> qwen3(moe);
          case MIXTRAL -> mixtral(moe);
        });
    return config;
  }

  static String json(SortedMap<String, String> members) {
    return members.entrySet().stream()
        .map(member -> "  " + SafetensorsBytes.json(member.getKey()) + ": " + member.getValue())
        .collect(Collectors.joining(",\n", "{\n", "\n}\n"));
  }

  private static SortedMap<String, String> shared(TinyMoe moe) {
    SortedMap<String, String> config = new TreeMap<>();
    config.put("attention_dropout", "0.0");
    config.put("bos_token_id", "null");
    config.put("dtype", quoted(torchName(moe.dtype)));
    config.put("eos_token_id", "0");
    config.put("head_dim", text(moe.headDim));
    config.put("hidden_act", quoted("silu"));
    config.put("hidden_size", text(moe.hidden));
    config.put("initializer_range", "0.02");
    config.put("max_position_embeddings", "128");
    config.put("num_attention_heads", text(moe.heads));
    config.put("num_experts_per_tok", text(moe.topK));
    config.put("num_hidden_layers", text(moe.layers));
    config.put("num_key_value_heads", text(moe.keyValueHeads));
    config.put("num_local_experts", text(moe.experts));
    config.put("output_router_logits", "false");
    config.put("pad_token_id", "null");
    config.put("rope_parameters", ROPE);
    config.put("router_aux_loss_coef", "0.001");
    config.put("sliding_window", "null");
    config.put("tie_word_embeddings", Boolean.toString(moe.isTied));
    config.put("transformers_version", quoted("5.18.0"));
    config.put("use_cache", "true");
    config.put("vocab_size", text(moe.vocabulary));
    return config;
  }

  private static SortedMap<String, String> qwen3(TinyMoe moe) {
    SortedMap<String, String> config = new TreeMap<>();
    config.put("architectures", architecture("Qwen3MoeForCausalLM"));
    config.put("attention_bias", "false");
    config.put("decoder_sparse_step", "1");
    config.put("intermediate_size", text(2 * moe.hidden));
    config.put("mlp_only_layers", "[]");
    config.put("model_type", quoted("qwen3_moe"));
    config.put("moe_intermediate_size", text(moe.expertWidth));
    config.put("norm_topk_prob", "true");
    config.put("rms_norm_eps", "1e-06");
    config.put("use_sliding_window", "false");
    return config;
  }

  private static SortedMap<String, String> mixtral(TinyMoe moe) {
    SortedMap<String, String> config = new TreeMap<>();
    config.put("architectures", architecture("MixtralForCausalLM"));
    config.put("intermediate_size", text(moe.expertWidth));
    config.put("model_type", quoted("mixtral"));
    config.put("rms_norm_eps", "1e-05");
    config.put("router_jitter_noise", "0.0");
    return config;
  }

  private static String torchName(String dtype) {
    return switch (dtype) {
      case "F32" -> "float32";
      case "BF16" -> "bfloat16";
      case "F16" -> "float16";
      default -> throw new IllegalArgumentException("dtype " + dtype + " (F32, BF16 or F16)");
    };
  }

  private static String architecture(String name) {
    return "[\n    " + quoted(name) + "\n  ]";
  }

  static String quoted(String text) {
    return SafetensorsBytes.json(text);
  }

  private static String text(int value) {
    return Integer.toString(value);
  }
}
