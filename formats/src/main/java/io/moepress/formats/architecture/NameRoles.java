package io.moepress.formats.architecture;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/// What a tensor is for, guessed from the end of its name by the spellings that are common among
/// model families.
final class NameRoles {
  private static final String ATTENTION = "(self_attn|attn|attention|self_attention)\\.";
  private static final String NETWORK = "(mlp|feed_forward|ffn|block_sparse_moe|moe)\\.";
  private static final String SHARED = "(shared_experts?|shared_mlp)\\.";
  private static final String EXPERT = "experts\\.\\{expert}\\.";
  private static final String GATE = "(gate_proj|w1)";
  private static final String UP = "(up_proj|w3)";
  private static final String DOWN = "(down_proj|w2)";

  private static final Map<TensorRole, Pattern> NAMES = new EnumMap<>(TensorRole.class);

  static {
    name(TensorRole.EMBEDDING, "(embed_tokens|word_embeddings|tok_embeddings|wte)\\.weight");
    name(TensorRole.FINAL_NORM, "(norm|final_layernorm|norm_f|ln_f)\\.weight");
    name(TensorRole.OUTPUT_HEAD, "(lm_head|output|embed_out)\\.weight");
    name(TensorRole.ATTENTION_NORM, "(input_layernorm|attention_norm|ln_1)\\.weight");
    name(TensorRole.FEED_FORWARD_NORM, "(post_attention_layernorm|ffn_norm|ln_2)\\.weight");
    name(TensorRole.QUERY, ATTENTION + "(q_proj|wq)\\.weight");
    name(TensorRole.QUERY_BIAS, ATTENTION + "(q_proj|wq)\\.bias");
    name(TensorRole.QUERY_NORM, ATTENTION + "(q_norm|q_layernorm|query_layernorm)\\.weight");
    name(TensorRole.KEY, ATTENTION + "(k_proj|wk)\\.weight");
    name(TensorRole.KEY_BIAS, ATTENTION + "(k_proj|wk)\\.bias");
    name(TensorRole.KEY_NORM, ATTENTION + "(k_norm|k_layernorm|key_layernorm)\\.weight");
    name(TensorRole.VALUE, ATTENTION + "(v_proj|wv)\\.weight");
    name(TensorRole.VALUE_BIAS, ATTENTION + "(v_proj|wv)\\.bias");
    name(TensorRole.QUERY_COMPRESS, ATTENTION + "q_a_proj\\.weight");
    name(TensorRole.QUERY_COMPRESS_NORM, ATTENTION + "q_a_layernorm\\.weight");
    name(TensorRole.QUERY_EXPAND, ATTENTION + "q_b_proj\\.weight");
    name(TensorRole.KEY_VALUE_COMPRESS, ATTENTION + "(kv_a_proj_with_mqa|kv_a_proj)\\.weight");
    name(TensorRole.KEY_VALUE_COMPRESS_NORM, ATTENTION + "kv_a_layernorm\\.weight");
    name(TensorRole.KEY_VALUE_EXPAND, ATTENTION + "kv_b_proj\\.weight");
    name(TensorRole.ATTENTION_OUTPUT, ATTENTION + "(o_proj|wo|out_proj|dense)\\.weight");
    name(TensorRole.ATTENTION_OUTPUT_BIAS, ATTENTION + "(o_proj|wo|out_proj|dense)\\.bias");
    name(TensorRole.ATTENTION_SINKS, ATTENTION + "sinks");
    name(TensorRole.ROUTER, NETWORK + "(gate|router|router\\.layer|gate\\.wg)\\.weight");
    name(TensorRole.ROUTER_BIAS, NETWORK + "(gate|router|router\\.layer|gate\\.wg)\\.bias");
    name(TensorRole.SELECTION_BIAS, "(e_score_correction_bias|expert_bias)");
    name(TensorRole.EXPERT_GATE, EXPERT + GATE + "\\.weight");
    name(TensorRole.EXPERT_UP, EXPERT + UP + "\\.weight");
    name(TensorRole.EXPERT_DOWN, EXPERT + DOWN + "\\.weight");
    name(TensorRole.SHARED_ROUTER, "shared_expert_gate\\.weight");
    name(TensorRole.SHARED_GATE, SHARED + GATE + "\\.weight");
    name(TensorRole.SHARED_UP, SHARED + UP + "\\.weight");
    name(TensorRole.SHARED_DOWN, SHARED + DOWN + "\\.weight");
    name(TensorRole.DENSE_GATE, NETWORK + GATE + "\\.weight");
    name(TensorRole.DENSE_UP, NETWORK + UP + "\\.weight");
    name(TensorRole.DENSE_DOWN, NETWORK + DOWN + "\\.weight");
  }

  private NameRoles() {}

  private static void name(TensorRole role, String end) {
    NAMES.put(role, Pattern.compile("(.*\\.)?" + end));
  }

  /// The one role that a name may have.
  ///
  /// @param name with `{layer}` and `{expert}` in the place of numbers
  static Optional<TensorRole> of(String name) {
    List<TensorRole> roles = new ArrayList<>();
    NAMES.forEach((role, pattern) -> {
      if (pattern.matcher(name).matches() && suits(role.scope(), name)) {
        roles.add(role);
      }
    });
    return roles.size() == 1 ? Optional.of(roles.getFirst()) : Optional.empty();
  }

  private static boolean suits(TensorRole.Scope scope, String name) {
    boolean layer = name.contains("{layer}");
    boolean expert = name.contains("{expert}");
    return switch (scope) {
      case MODEL -> !layer && !expert;
      case LAYER, MOE_LAYER, DENSE_LAYER, ALL_EXPERTS -> layer && !expert;
      case EXPERT -> layer && expert;
    };
  }
}
