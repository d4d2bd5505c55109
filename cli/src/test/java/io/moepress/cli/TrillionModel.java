package io.moepress.cli;

import io.moepress.formats.json.Json;
import io.moepress.formats.safetensors.SafetensorsHeader;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorInfo;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/// A checkpoint of a trillion parameters whose files are sparse: headers, and zeros that take no
/// room on the disk. One file for each layer.
final class TrillionModel {
  private static final int BLOCK = 128;

  private TrillionModel() {}

  /// A checkpoint with the dimensions of Kimi-K2: 61 layers of 384 experts, 1.03 trillion
  /// parameters, in FP8 with a scale for each block of 128 by 128.
  static Path write(Path folder) throws IOException {
    List<List<TensorInfo>> files = new ArrayList<>();
    for (int layer = 0; layer < 61; layer++) {
      files.add(kimiLayer("model.layers." + layer + ".", layer == 0));
    }
    files.getFirst().addAll(ends(163_840, 7168));
    return write(folder, files);
  }

  private static List<TensorInfo> kimiLayer(String prefix, boolean dense) {
    List<TensorInfo> tensors = norms(prefix, 7168);
    String attention = prefix + "self_attn.";
    fp8(tensors, attention + "q_a_proj.weight", 1536, 7168);
    fp8(tensors, attention + "q_b_proj.weight", 64 * 192, 1536);
    fp8(tensors, attention + "kv_a_proj_with_mqa.weight", 576, 7168);
    fp8(tensors, attention + "kv_b_proj.weight", 64 * 256, 512);
    fp8(tensors, attention + "o_proj.weight", 7168, 64 * 128);
    tensors.add(bf16(attention + "q_a_layernorm.weight", 1536));
    tensors.add(bf16(attention + "kv_a_layernorm.weight", 512));
    if (dense) {
      fp8(tensors, network(prefix + "mlp.", 7168, 18_432));
      return tensors;
    }
    tensors.add(bf16(prefix + "mlp.gate.weight", 384, 7168));
    String bias = prefix + "mlp.gate.e_score_correction_bias";
    tensors.add(new TensorInfo(bias, DType.F32, Shape.of(384)));
    fp8(tensors, network(prefix + "mlp.shared_experts.", 7168, 2048));
    for (int expert = 0; expert < 384; expert++) {
      fp8(tensors, network(prefix + "mlp.experts." + expert + ".", 7168, 2048));
    }
    return tensors;
  }

  private static SortedMap<String, Shape> network(String prefix, int hidden, int width) {
    SortedMap<String, Shape> network = new TreeMap<>();
    network.put(prefix + "gate_proj.weight", Shape.of(width, hidden));
    network.put(prefix + "up_proj.weight", Shape.of(width, hidden));
    network.put(prefix + "down_proj.weight", Shape.of(hidden, width));
    return network;
  }

  private static List<TensorInfo> norms(String prefix, int hidden) {
    return new ArrayList<>(
        List.of(
            bf16(prefix + "input_layernorm.weight", hidden),
            bf16(prefix + "post_attention_layernorm.weight", hidden)));
  }

  private static List<TensorInfo> ends(int vocabulary, int hidden) {
    return List.of(
        bf16("model.embed_tokens.weight", vocabulary, hidden),
        bf16("lm_head.weight", vocabulary, hidden),
        bf16("model.norm.weight", hidden));
  }

  private static TensorInfo bf16(String name, long... shape) {
    return new TensorInfo(name, DType.BF16, Shape.of(shape));
  }

  private static void fp8(List<TensorInfo> tensors, SortedMap<String, Shape> matrices) {
    matrices.forEach((name, shape) -> fp8(tensors, name, shape.dimension(0), shape.dimension(1)));
  }

  private static void fp8(List<TensorInfo> tensors, String name, long rows, long columns) {
    Shape blocks = Shape.of(Math.ceilDiv(rows, BLOCK), Math.ceilDiv(columns, BLOCK));
    tensors.add(new TensorInfo(name, DType.F8_E4M3, Shape.of(rows, columns)));
    tensors.add(new TensorInfo(name + "_scale_inv", DType.F32, blocks));
  }

  private static Path write(Path folder, List<List<TensorInfo>> files) throws IOException {
    Files.createDirectories(folder);
    SortedMap<String, String> index = new TreeMap<>();
    for (int i = 0; i < files.size(); i++) {
      String shard = "model-" + i + ".safetensors";
      SafetensorsHeader header = SafetensorsHeader.layOut(files.get(i), Map.of("format", "pt"));
      try (RandomAccessFile file = new RandomAccessFile(folder.resolve(shard).toFile(), "rw")) {
        file.write(header.encode());
        file.setLength(header.fileSize());
      }
      files.get(i).forEach(tensor -> index.put(tensor.name(), shard));
    }
    Json.write(folder.resolve("model.safetensors.index.json"), Map.of("weight_map", index));
    Files.writeString(folder.resolve("config.json"), KIMI_K2);
    return folder;
  }

  private static final String KIMI_K2 =
      """
      {"model_type": "kimi_k2", "architectures": ["DeepseekV3ForCausalLM"], "hidden_size": 7168,
       "num_hidden_layers": 61, "n_routed_experts": 384, "num_experts_per_tok": 8,
       "n_shared_experts": 1, "first_k_dense_replace": 1, "moe_layer_freq": 1,
       "moe_intermediate_size": 2048, "intermediate_size": 18432, "num_attention_heads": 64,
       "num_key_value_heads": 64, "q_lora_rank": 1536, "kv_lora_rank": 512,
       "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "vocab_size": 163840,
       "n_group": 1, "topk_group": 1, "norm_topk_prob": true, "scoring_func": "sigmoid",
       "topk_method": "noaux_tc", "routed_scaling_factor": 2.827, "rms_norm_eps": 1e-6,
       "rope_theta": 50000.0, "hidden_act": "silu", "max_position_embeddings": 131072,
       "num_nextn_predict_layers": 0, "tie_word_embeddings": false, "torch_dtype": "bfloat16",
       "quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
        "weight_block_size": [128, 128]}}
      """;
}
