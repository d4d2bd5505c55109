package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

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
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Models far larger than the memory they get. Their files are sparse: headers, and zeros that take
/// no room on the disk.
@Tag("proof")
class LargeModelProof {
  private static final int HIDDEN = 2048;
  private static final int WIDTH = 1365;
  private static final int EXPERTS = 128;
  private static final long MIB = 1L << 20;
  private static final Pattern PEAK = Pattern.compile("memory: peak ([0-9.]+) (MiB|GiB)");

  @TempDir private Path folder = Path.of("");

  /// 4 layers of 128 experts are 8 GiB, of 16 experts 1 GiB, attention aside.
  @Test
  void eightGibibytesArePrunedInAsLittleMemoryAsOne() throws Exception {
    Path small = model("small", 4, EXPERTS / 8);
    Path large = model("large", 4, EXPERTS);
    assertThat(bytes(small)).isBetween(1024 * MIB, 1200 * MIB);
    assertThat(bytes(large)).isBetween(8192 * MIB, 8400 * MIB);

    long smallPeak = peak(run(recipe(small, "random", ""), "-Xmx400m"));
    long largePeak = peak(run(recipe(large, "random", ""), "-Xmx400m"));

    System.err.println("1 GiB: " + smallPeak + " MiB, 8 GiB: " + largePeak + " MiB");
    assertThat(largePeak).isLessThan(1024);
    assertThat(largePeak - smallPeak).as("growth of resident memory").isLessThan(100);
  }

  @Test
  void calibrationStaysWithinItsBudget() throws Exception {
    Path large = model("large", 4, EXPERTS);
    Path texts = folder.resolve("texts.jsonl");
    String ids = "[1" + ",2".repeat(511) + "]";
    Files.writeString(texts, ("{\"input_ids\": " + ids + "}\n").repeat(40));
    String calibration = "calibration:\n  data: [" + texts + "]\n";

    String log =
        run(recipe(large, "frequency", calibration), "-Xmx400m", "--max-memory", "1500MiB");

    System.err.println("calibrated: " + peak(log) + " MiB of 1500 MiB");
    assertThat(peak(log)).isLessThan(1500);
  }

  private static long peak(String log) {
    Matcher matcher = PEAK.matcher(log);
    assertThat(matcher.find()).as(log).isTrue();
    double size = Double.parseDouble(matcher.group(1));
    return Math.round(matcher.group(2).equals("GiB") ? 1024 * size : size);
  }

  private String run(Path recipe, String heap, String... more) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                heap,
                "-XX:+UseSerialGC",
                "-XX:MaxDirectMemorySize=1024g",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                "io.moepress.cli.Main",
                "run",
                recipe.toString()));
    command.addAll(List.of(more));
    Path log = folder.resolve("log");
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    int exitCode = process.waitFor();
    String text = Files.readString(log);
    assertThat(exitCode).as(text).isZero();
    return text;
  }

  private Path recipe(Path model, String method, String calibration) throws IOException {
    Path recipe = folder.resolve(model.getFileName() + "-" + method + ".yaml");
    return Files.writeString(
        recipe,
        "model: "
            + model
            + "\noutput: "
            + folder.resolve("out-" + model.getFileName())
            + "\n"
            + calibration
            + "steps:\n  - prune: {method: "
            + method
            + ", keep: 50%}\n");
  }

  private static long bytes(Path model) throws IOException {
    long bytes = 0;
    for (int layer = 0; Files.exists(shard(model, layer)); layer++) {
      bytes += Files.size(shard(model, layer));
    }
    return bytes;
  }

  private static Path shard(Path model, int layer) {
    return model.resolve("model-" + layer + ".safetensors");
  }

  /// A `qwen3_moe` checkpoint with one file for each layer.
  private Path model(String name, int layers, int experts) throws IOException {
    Path model = Files.createDirectory(folder.resolve(name));
    SortedMap<String, String> index = new TreeMap<>();
    for (int layer = 0; layer < layers; layer++) {
      List<TensorInfo> tensors = new ArrayList<>(layer(layer, experts));
      if (layer == 0) {
        tensors.add(bf16("model.embed_tokens.weight", 64, HIDDEN));
        tensors.add(bf16("lm_head.weight", 64, HIDDEN));
        tensors.add(bf16("model.norm.weight", HIDDEN));
      }
      SafetensorsHeader header = SafetensorsHeader.layOut(tensors, Map.of("format", "pt"));
      try (RandomAccessFile file = new RandomAccessFile(shard(model, layer).toFile(), "rw")) {
        file.write(header.encode());
        file.setLength(header.fileSize());
      }
      String shard = String.valueOf(shard(model, layer).getFileName());
      tensors.forEach(tensor -> index.put(tensor.name(), shard));
    }
    Json.write(model.resolve("model.safetensors.index.json"), Map.of("weight_map", index));
    Files.writeString(model.resolve("config.json"), config(layers, experts));
    return model;
  }

  private static List<TensorInfo> layer(int layer, int experts) {
    String prefix = "model.layers." + layer + ".";
    List<TensorInfo> tensors = new ArrayList<>();
    tensors.add(bf16(prefix + "input_layernorm.weight", HIDDEN));
    tensors.add(bf16(prefix + "post_attention_layernorm.weight", HIDDEN));
    for (String projection : List.of("q_proj", "k_proj", "v_proj", "o_proj")) {
      tensors.add(bf16(prefix + "self_attn." + projection + ".weight", HIDDEN, HIDDEN));
    }
    tensors.add(bf16(prefix + "self_attn.q_norm.weight", 128));
    tensors.add(bf16(prefix + "self_attn.k_norm.weight", 128));
    tensors.add(bf16(prefix + "mlp.gate.weight", experts, HIDDEN));
    for (int expert = 0; expert < experts; expert++) {
      String name = prefix + "mlp.experts." + expert + ".";
      tensors.add(bf16(name + "gate_proj.weight", WIDTH, HIDDEN));
      tensors.add(bf16(name + "up_proj.weight", WIDTH, HIDDEN));
      tensors.add(bf16(name + "down_proj.weight", HIDDEN, WIDTH));
    }
    return tensors;
  }

  private static TensorInfo bf16(String name, long... shape) {
    return new TensorInfo(name, DType.BF16, Shape.of(shape));
  }

  private static String config(int layers, int experts) {
    return """
    {"model_type": "qwen3_moe", "architectures": ["Qwen3MoeForCausalLM"], "hidden_size": 2048,
     "num_hidden_layers": LAYERS, "num_experts": EXPERTS, "num_experts_per_tok": 4,
     "moe_intermediate_size": 1365, "intermediate_size": 1365, "num_attention_heads": 16,
     "num_key_value_heads": 16, "head_dim": 128, "vocab_size": 64, "norm_topk_prob": true,
     "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "hidden_act": "silu",
     "max_position_embeddings": 4096, "decoder_sparse_step": 1, "mlp_only_layers": [],
     "tie_word_embeddings": false, "torch_dtype": "bfloat16"}
    """
        .replace("LAYERS", "" + layers)
        .replace("EXPERTS", "" + experts);
  }
}
