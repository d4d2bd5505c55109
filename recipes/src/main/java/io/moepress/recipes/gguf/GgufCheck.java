package io.moepress.recipes.gguf;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.gguf.GgufFile;
import io.moepress.formats.gguf.GgufModel;
import io.moepress.formats.gguf.GgufNames;
import io.moepress.formats.gguf.GgufTensorInfo;
import io.moepress.formats.gguf.GgufValue;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.verify.Verifier.Check;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// Checks a GGUF file: its structure, and what llama.cpp asks for when it loads a model with
/// experts.
public final class GgufCheck {
  private static final String EMBEDDING = "token_embd.weight";
  private static final String TOKENIZER = "tokenizer.ggml.model";
  private static final String TOKENS = "tokenizer.ggml.tokens";

  /// Elements that are read at once, unless a slice has more.
  private static final long CHUNK = 1L << 20;

  private static final List<String> REQUIRED =
      List.of("block_count", "context_length", "embedding_length", "attention.head_count");

  private final GgufFile file;
  private final String prefix;

  private GgufCheck(GgufFile file) {
    this.file = file;
    this.prefix = file.text("general.architecture").orElse("") + ".";
  }

  /// Opens and checks a file.
  public static List<Check> of(Path path) throws IOException {
    try (GgufFile file = GgufFile.open(path)) {
      GgufCheck check = new GgufCheck(file);
      return List.of(
          new Check(
              "structure",
              true,
              file.tensors().size()
                  + " tensors, in order, without gaps, in "
                  + file.size()
                  + " bytes"),
          result("keys", check.keys(), "every key that llama.cpp asks for is there"),
          result("layers", check.layers(), "every layer has tensors"),
          result("experts", check.experts(), "all tensors have the same number of experts"),
          result("tokenizer", check.tokenizer(), "as many tokens as rows of the embedding"),
          result("finite", check.notFinite(), "all weights that are plain numbers are finite"));
    } catch (FormatException e) {
      return List.of(new Check("structure", false, String.valueOf(e.getMessage())));
    }
  }

  private static Check result(String name, List<String> faults, String sound) {
    return new Check(name, faults.isEmpty(), faults.isEmpty() ? sound : String.join("; ", faults));
  }

  private Optional<Long> whole(String key) {
    return file.whole(prefix + key);
  }

  private List<String> keys() {
    List<String> faults = new ArrayList<>();
    if (prefix.equals(".")) {
      faults.add("no general.architecture");
      return faults;
    }
    for (String key : REQUIRED) {
      boolean there = file.header().metadata().containsKey(prefix + key);
      if (!there) {
        faults.add("no " + prefix + key);
      }
    }
    return faults;
  }

  private List<String> layers() {
    Set<Integer> seen = new TreeSet<>();
    for (GgufTensorInfo tensor : file.tensors()) {
      GgufNames.InLayer.of(tensor.name()).ifPresent(name -> seen.add(name.layer()));
    }
    long count = whole("block_count").orElse((long) seen.size());
    boolean complete = seen.size() == count && seen.stream().allMatch(layer -> layer < count);
    return complete
        ? List.of()
        : List.of(
            Checks.text(
                "%d layers have tensors (expected %d, by block_count)", seen.size(), count));
  }

  private List<String> experts() {
    List<String> faults = new ArrayList<>();
    long experts = whole("expert_count").orElse(0L);
    long used = whole("expert_used_count").orElse(0L);
    if (used > experts || experts > GgufModel.MOST_EXPERTS || (experts > 0 && used == 0)) {
      faults.add(
          Checks.text(
              "%d of %d experts used (expected 1 to expert_count, which is at most %d)",
              used, experts, GgufModel.MOST_EXPERTS));
    }
    for (GgufTensorInfo tensor : file.tensors()) {
      long found = tensor.shape().dimension(0);
      if (isOfExperts(tensor.name()) && found != experts) {
        faults.add(
            Checks.text(
                "%s has %d experts (expected %d, by expert_count)", tensor.name(), found, experts));
      }
    }
    return faults;
  }

  private static boolean isOfExperts(String name) {
    return name.endsWith("_exps.weight")
        || name.endsWith(".ffn_gate_inp.weight")
        || name.endsWith(".exp_probs_b.bias");
  }

  private List<String> tokenizer() {
    if (file.text(TOKENIZER).isEmpty()) {
      return List.of("no " + TOKENIZER);
    }
    Optional<GgufTensorInfo> embedding = file.tensor(EMBEDDING);
    if (embedding.isEmpty()) {
      return List.of("no " + EMBEDDING);
    }
    long rows = embedding.get().shape().dimension(0);
    long tokens =
        file.header().metadata().get(TOKENS) instanceof GgufValue.Many many
            ? many.items().size()
            : 0;
    return rows == tokens
        ? List.of()
        : List.of(Checks.text("%d tokens for an embedding of %d rows", tokens, rows));
  }

  private List<String> notFinite() throws IOException {
    List<String> faults = new ArrayList<>();
    for (GgufTensorInfo tensor : file.tensors()) {
      Optional<DType> dtype = tensor.type().dtype();
      if (dtype.isPresent() && !isFinite(tensor, dtype.get())) {
        faults.add(tensor.name());
      }
    }
    return faults;
  }

  private boolean isFinite(GgufTensorInfo tensor, DType dtype) throws IOException {
    long slices = tensor.shape().dimension(0);
    long elements = tensor.shape().elementCount() / slices;
    long step = Math.max(1, CHUNK / elements);
    boolean finite = true;
    for (long first = 0; first < slices && finite; first += step) {
      long count = Math.min(step, slices - first);
      try (Arena arena = Arena.ofConfined()) {
        TensorInfo info =
            new TensorInfo(tensor.name(), dtype, Shape.of(Math.multiplyExact(count, elements)));
        finite =
            Numbers.areFinite(
                new TensorData(info, file.readSlices(tensor.name(), first, count, arena)));
      }
    }
    return finite;
  }
}
