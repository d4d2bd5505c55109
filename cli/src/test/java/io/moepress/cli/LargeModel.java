package io.moepress.cli;

import io.moepress.formats.json.Json;
import io.moepress.formats.safetensors.SafetensorsHeader;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorInfo;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;

/// A `qwen3_moe` checkpoint of any size, in BF16, with one file for each layer.
///
/// @param hidden width of the residual stream
/// @param width of an expert
/// @param vocabulary tokens
/// @param random whether weights are drawn, between 2^-7 and 2^-5; otherwise they are zeros that
///   take no room on the disk
record LargeModel(int hidden, int width, int vocabulary, boolean random) {
  private static final int DRAWN_AT_ONCE = 1 << 17;
  private static final ValueLayout.OfLong FOUR =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final long KEPT = 0x80FF80FF80FF80FFL; // signs, last bits of exponents, fractions
  private static final long EXPONENTS = 0x3C003C003C003C00L;

  /// Writes one.
  Path write(Path model, int layers, int experts) throws IOException {
    Files.createDirectory(model);
    SortedMap<String, String> index = new TreeMap<>();
    for (int layer = 0; layer < layers; layer++) {
      List<TensorInfo> tensors = new ArrayList<>(layer(layer, experts));
      if (layer == 0) {
        tensors.add(bf16("model.embed_tokens.weight", vocabulary, hidden));
        tensors.add(bf16("lm_head.weight", vocabulary, hidden));
        tensors.add(bf16("model.norm.weight", hidden));
      }
      SafetensorsHeader header = SafetensorsHeader.layOut(tensors, Map.of("format", "pt"));
      try (RandomAccessFile file = new RandomAccessFile(shard(model, layer).toFile(), "rw")) {
        byte[] head = header.encode();
        file.write(head);
        if (random) {
          draw(file, header.fileSize() - head.length, layer);
        }
        file.setLength(header.fileSize());
      }
      String shard = String.valueOf(shard(model, layer).getFileName());
      tensors.forEach(tensor -> index.put(tensor.name(), shard));
    }
    Json.write(model.resolve("model.safetensors.index.json"), Map.of("weight_map", index));
    Files.writeString(model.resolve("config.json"), config(layers, experts));
    return model;
  }

  private static void draw(RandomAccessFile file, long bytes, int seed) throws IOException {
    SplittableRandom drawn = new SplittableRandom(seed);
    byte[] block = new byte[DRAWN_AT_ONCE];
    MemorySegment numbers = MemorySegment.ofArray(block);
    for (long done = 0; done < bytes; done += DRAWN_AT_ONCE) {
      for (int i = 0; i < DRAWN_AT_ONCE / Long.BYTES; i++) {
        numbers.setAtIndex(FOUR, i, (drawn.nextLong() & KEPT) | EXPONENTS);
      }
      file.write(block, 0, (int) Math.min(DRAWN_AT_ONCE, bytes - done));
    }
  }

  /// Bytes of the files of weights.
  static long bytes(Path model) throws IOException {
    long bytes = 0;
    for (int layer = 0; Files.exists(shard(model, layer)); layer++) {
      bytes += Files.size(shard(model, layer));
    }
    return bytes;
  }

  private static Path shard(Path model, int layer) {
    return model.resolve("model-" + layer + ".safetensors");
  }

  private List<TensorInfo> layer(int layer, int experts) {
    String prefix = "model.layers." + layer + ".";
    List<TensorInfo> tensors = new ArrayList<>();
    tensors.add(bf16(prefix + "input_layernorm.weight", hidden));
    tensors.add(bf16(prefix + "post_attention_layernorm.weight", hidden));
    for (String projection : List.of("q_proj", "k_proj", "v_proj", "o_proj")) {
      tensors.add(bf16(prefix + "self_attn." + projection + ".weight", hidden, hidden));
    }
    tensors.add(bf16(prefix + "self_attn.q_norm.weight", 128));
    tensors.add(bf16(prefix + "self_attn.k_norm.weight", 128));
    tensors.add(bf16(prefix + "mlp.gate.weight", experts, hidden));
    for (int expert = 0; expert < experts; expert++) {
      String name = prefix + "mlp.experts." + expert + ".";
      tensors.add(bf16(name + "gate_proj.weight", width, hidden));
      tensors.add(bf16(name + "up_proj.weight", width, hidden));
      tensors.add(bf16(name + "down_proj.weight", hidden, width));
    }
    return tensors;
  }

  private static TensorInfo bf16(String name, long... shape) {
    return new TensorInfo(name, DType.BF16, Shape.of(shape));
  }

  private String config(int layers, int experts) {
    return """
    {"model_type": "qwen3_moe", "architectures": ["Qwen3MoeForCausalLM"], "hidden_size": HIDDEN,
     "num_hidden_layers": LAYERS, "num_experts": EXPERTS, "num_experts_per_tok": 4,
     "moe_intermediate_size": WIDTH, "intermediate_size": WIDTH, "num_attention_heads": HEADS,
     "num_key_value_heads": HEADS, "head_dim": 128, "vocab_size": TOKENS, "norm_topk_prob": true,
     "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "hidden_act": "silu",
     "max_position_embeddings": 4096, "decoder_sparse_step": 1, "mlp_only_layers": [],
     "tie_word_embeddings": false, "torch_dtype": "bfloat16"}
    """
        .replace("HIDDEN", "" + hidden)
        .replace("LAYERS", "" + layers)
        .replace("EXPERTS", "" + experts)
        .replace("WIDTH", "" + width)
        .replace("HEADS", "" + hidden / 128)
        .replace("TOKENS", "" + vocabulary);
  }
}
