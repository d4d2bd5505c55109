package io.moepress.formats.gguf;

import io.moepress.formats.architecture.GgufMapping;
import io.moepress.formats.architecture.LinearInput;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import java.util.Arrays;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// How llama.cpp calls tensors.
public final class GgufNames {
  private static final String WEIGHT = ".weight";

  /// Keys of latent attention, turned over: it is multiplied with queries.
  static final String KEY_EXPAND = "attn_k_b" + WEIGHT;

  static final String GATE_BIAS = "ffn_gate_exps.bias";
  static final String UP_BIAS = "ffn_up_exps.bias";
  static final String VALUE_EXPAND = "attn_v_b" + WEIGHT;
  private static final Pattern IN_LAYER = Pattern.compile("blk\\.(\\d{1,9})\\.(.+)");

  private GgufNames() {}

  /// The name of a tensor of a layer, in its parts.
  ///
  /// @param name what stands behind the layer
  public record InLayer(int layer, String name) {

    /// The parts of a name; nothing for a tensor that belongs to no layer.
    public static Optional<InLayer> of(String tensor) {
      Matcher matcher = IN_LAYER.matcher(tensor);
      return matcher.matches()
          ? Optional.of(new InLayer(Integer.parseInt(matcher.group(1)), matcher.group(2)))
          : Optional.empty();
    }
  }

  /// The name of a tensor. Experts of a layer stand in one, whatever expert `id` says.
  static String of(TensorId id, GgufMapping mapping) {
    String name = mapping.name(id.role()).orElse(suffix(id.role()));
    return id.layer() == TensorId.NONE ? name : inLayer(id.layer(), name);
  }

  /// The name of a tensor of a layer.
  static String inLayer(int layer, String name) {
    return "blk." + layer + "." + name;
  }

  /// The vector that a matrix of a layer is multiplied with; nothing where the model has none that
  /// does.
  ///
  /// @param name what stands behind the layer
  public static Optional<LinearInput> input(String name) {
    if (name.equals(VALUE_EXPAND)) {
      return Optional.of(LinearInput.KEY_VALUE_EXPAND);
    }
    return Arrays.stream(TensorRole.values())
        .filter(role -> suffix(role).equals(name))
        .findFirst()
        .flatMap(LinearInput::of);
  }

  private static String suffix(TensorRole role) {
    return switch (role) {
      case EMBEDDING -> "token_embd" + WEIGHT;
      case FINAL_NORM -> "output_norm" + WEIGHT;
      case OUTPUT_HEAD -> "output" + WEIGHT;
      case ATTENTION_NORM -> "attn_norm" + WEIGHT;
      case QUERY -> "attn_q" + WEIGHT;
      case QUERY_BIAS -> "attn_q.bias";
      case QUERY_NORM -> "attn_q_norm" + WEIGHT;
      case KEY -> "attn_k" + WEIGHT;
      case KEY_BIAS -> "attn_k.bias";
      case KEY_NORM -> "attn_k_norm" + WEIGHT;
      case VALUE -> "attn_v" + WEIGHT;
      case VALUE_BIAS -> "attn_v.bias";
      case QUERY_COMPRESS -> "attn_q_a" + WEIGHT;
      case QUERY_COMPRESS_NORM -> "attn_q_a_norm" + WEIGHT;
      case QUERY_EXPAND -> "attn_q_b" + WEIGHT;
      case KEY_VALUE_COMPRESS -> "attn_kv_a_mqa" + WEIGHT;
      case KEY_VALUE_COMPRESS_NORM -> "attn_kv_a_norm" + WEIGHT;
      case KEY_VALUE_EXPAND -> "attn_kv_b" + WEIGHT;
      case ATTENTION_OUTPUT -> "attn_output" + WEIGHT;
      case ATTENTION_OUTPUT_BIAS -> "attn_output.bias";
      case FEED_FORWARD_NORM -> "ffn_norm" + WEIGHT;
      case ATTENTION_SINKS -> "attn_sinks" + WEIGHT;
      case ROUTER -> "ffn_gate_inp" + WEIGHT;
      case ROUTER_BIAS -> "ffn_gate_inp.bias";
      case SELECTION_BIAS -> "exp_probs_b.bias";
      case EXPERT_GATE -> "ffn_gate_exps" + WEIGHT;
      case EXPERT_UP -> "ffn_up_exps" + WEIGHT;
      case EXPERT_DOWN, EXPERTS_DOWN -> "ffn_down_exps" + WEIGHT;
      case EXPERTS_DOWN_BIAS -> "ffn_down_exps.bias";
      case EXPERTS_GATE_UP -> "ffn_gate_up_exps" + WEIGHT;
      case EXPERTS_GATE_UP_BIAS -> GATE_BIAS; // and UP_BIAS: they are two
      case SHARED_ROUTER -> "ffn_gate_inp_shexp" + WEIGHT;
      case SHARED_GATE -> "ffn_gate_shexp" + WEIGHT;
      case SHARED_UP -> "ffn_up_shexp" + WEIGHT;
      case SHARED_DOWN -> "ffn_down_shexp" + WEIGHT;
      case DENSE_GATE -> "ffn_gate" + WEIGHT;
      case DENSE_UP -> "ffn_up" + WEIGHT;
      case DENSE_DOWN -> "ffn_down" + WEIGHT;
    };
  }
}
