package io.moepress.formats.gguf;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.Architecture.Clamp;
import io.moepress.formats.architecture.Architecture.GroupScore;
import io.moepress.formats.architecture.Architecture.GroupedQuery;
import io.moepress.formats.architecture.Architecture.Latent;
import io.moepress.formats.architecture.Architecture.Router;
import io.moepress.formats.architecture.Architecture.Window;
import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.ExpertGroups;
import io.moepress.formats.architecture.GgufMapping;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorRole;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// What the keys of a GGUF file say about a model's layers, and what llama.cpp will do otherwise
/// than the model.
final class GgufMetadata {
  /// What llama.cpp takes an epsilon to be that a config does not name.
  private static final String EPSILON = "config.rms_norm_eps ?? 1e-6";

  /// What a clamped activation is clamped to in llama.cpp.
  private static final double CLAMP = 7;

  private final ModelLayout layout;
  private final GgufMapping mapping;
  private final String prefix;
  private final Map<String, GgufValue> values = new LinkedHashMap<>();
  private final List<String> notes = new ArrayList<>();

  private GgufMetadata(ModelLayout layout, GgufMapping mapping) {
    this.layout = layout;
    this.mapping = mapping;
    this.prefix = mapping.architecture() + ".";
  }

  /// @throws FormatException for a model that llama.cpp cannot run
  static GgufMetadata of(MoeModel model, GgufMapping mapping) {
    GgufMetadata metadata = new GgufMetadata(model.layout(), mapping);
    metadata.sizes();
    metadata.experts();
    metadata.attention();
    GgufRotary.add(metadata.values, metadata.prefix, metadata.layout);
    metadata.positions();
    metadata.denseLayers();
    metadata.router();
    metadata.activation();
    metadata.predictionLayers(model);
    return metadata;
  }

  Map<String, GgufValue> values() {
    return values;
  }

  /// What will be otherwise, a sentence each.
  List<String> notes() {
    return notes;
  }

  private void count(String key, long value) {
    values.put(prefix + key, GgufValue.count(value));
  }

  private void sizes() {
    count("block_count", layout.layers());
    count("context_length", layout.count("config.max_position_embeddings"));
    count("embedding_length", layout.dimension(Dimension.HIDDEN));
    count("vocab_size", layout.dimension(Dimension.VOCABULARY));
    mapping
        .counts()
        .forEach(
            (key, formula) -> layout.number(formula).ifPresent(value -> count(key, (long) value)));
  }

  private void experts() {
    int most = GgufModel.MOST_EXPERTS;
    Checks.requireFormat(
        layout.experts() <= most,
        "config.json: %d experts (llama.cpp takes at most %d). Prune to %d in every layer, or stay"
            + " with safetensors.",
        layout.experts(),
        most,
        most);
    Checks.requireFormat(
        layout.distinctExperts().size() == 1,
        "config.json: layers with %s experts (llama.cpp wants the same number in every layer). Plan"
            + " equal numbers, or stay with safetensors.",
        layout.distinctExperts());
    count("expert_count", layout.experts());
    count("expert_used_count", layout.topK());
  }

  private void attention() {
    double epsilon = layout.number(EPSILON).orElseThrow();
    values.put(prefix + "attention.layer_norm_rms_epsilon", GgufValue.number(epsilon));
    count("attention.head_count", layout.dimension(Dimension.HEADS));
    switch (layout.architecture().attention()) {
      case GroupedQuery grouped -> grouped(grouped);
      case Latent latent -> latent(latent, epsilon);
    }
  }

  private void grouped(GroupedQuery attention) {
    int headDim = layout.dimension(Dimension.HEAD_DIM);
    count("attention.head_count_kv", layout.dimension(Dimension.KEY_VALUE_HEADS));
    count("attention.key_length", headDim);
    count("attention.value_length", headDim);
    String turned = attention.rotaryWidth();
    count("rope.dimension_count", turned == null ? headDim : layout.count(turned));
    if (attention.clip() != null && layout.flag(attention.clip())) {
      notes.add("llama.cpp does not clip queries, keys and values of this family; the model does");
    }
    Window window = attention.window();
    if (window != null
        && layout.flag(window.size())
        && (window.when() == null || layout.flag(window.when()))) {
      window(window, mapping.windowPeriod());
    }
  }

  private void window(Window window, @Nullable Integer period) {
    if (period == null) {
      notes.add(
          Checks.text(
              "llama.cpp runs this family without its sliding window of %.0f tokens; longer texts"
                  + " come out differently",
              layout.number(window.size()).orElse(0)));
      return;
    }
    count("attention.sliding_window", layout.count(window.size()));
    List<Integer> others =
        IntStream.range(0, layout.layers())
            .filter(layer -> slides(window, layer) == ((layer + 1) % period == 0))
            .boxed()
            .toList();
    if (!others.isEmpty()) {
      notes.add(
          Checks.text(
              "llama.cpp gives all layers of this family a sliding window but one in %d; in the model"
                  + " it is the other way round in the layers %s",
              period, others));
    }
  }

  private boolean slides(Window window, int layer) {
    String types = window.layerTypes();
    return types == null
        || layout
            .config()
            .value(types)
            .filter(list -> list.path(layer).asString("").equals("full_attention"))
            .isEmpty();
  }

  /// In llama.cpp the latent vector is the only key and value head.
  private void latent(Latent attention, double epsilon) {
    int latent = layout.count(attention.latent());
    int turned = layout.count(attention.turned());
    count("attention.head_count_kv", 1);
    count("attention.kv_lora_rank", latent);
    if (layout.has(TensorRole.QUERY_COMPRESS)) {
      count("attention.q_lora_rank", layout.shape(TensorRole.QUERY_COMPRESS).dimension(0));
    }
    count("attention.key_length", latent + turned);
    count("attention.value_length", latent);
    count("attention.key_length_mla", layout.count(attention.plain()) + turned);
    count("attention.value_length_mla", layout.count(attention.value()));
    count("rope.dimension_count", turned);
    double inner = layout.number(attention.epsilon()).orElse(epsilon);
    if (inner != epsilon) {
      notes.add(
          Checks.text(
              "llama.cpp uses epsilon %s in the norms of compressed vectors too; the model has %s"
                  + " there",
              epsilon, inner));
    }
  }

  private void positions() {
    if (!GgufRotary.isWhole(layout)) {
      notes.add(
          "llama.cpp begins and ends the range that YaRN blends at whole dimensions; the model"
              + " (\"truncate\": false) between them, so that all results differ a little");
    }
  }

  private void denseLayers() {
    List<Integer> dense =
        IntStream.range(0, layout.layers()).filter(layer -> !layout.isMoe(layer)).boxed().toList();
    boolean leading = dense.equals(IntStream.range(0, dense.size()).boxed().toList());
    boolean fits =
        switch (mapping.denseLayers()) {
          case NONE -> dense.isEmpty();
          case LEADING -> leading;
        };
    if (!fits) {
      throw FormatException.of(
          "config.json: layers %s have no experts (llama.cpp's %s knows such layers %s). Stay with"
              + " safetensors.",
          dense,
          mapping.architecture(),
          mapping.denseLayers() == GgufMapping.DenseLayers.NONE ? "nowhere" : "only in front");
    }
    if (mapping.denseLayers() == GgufMapping.DenseLayers.LEADING) {
      count("leading_dense_block_count", dense.size());
    }
  }

  private void router() {
    Router router = layout.architecture().router();
    boolean renormalised = layout.flag(router.renormalise());
    Boolean fixed = mapping.renormalised();
    if (fixed != null) {
      if (fixed != renormalised) {
        notes.add(
            "llama.cpp "
                + (fixed ? "divides" : "does not divide")
                + " the weights of the chosen experts of this family by their sum; the model does "
                + (fixed ? "not" : "so"));
      }
      return;
    }
    long score =
        switch (router.score()) {
          case SOFTMAX -> 1;
          case SIGMOID -> 2;
          case SOFTMAX_OF_CHOSEN -> 3;
        };
    count("expert_gating_func", score);
    values.put(prefix + "expert_weights_norm", GgufValue.flag(renormalised));
    if (router.scale() != null) {
      double scale = layout.number(router.scale()).orElse(1);
      values.put(prefix + "expert_weights_scale", GgufValue.number(scale));
    }
    groups();
  }

  private void activation() {
    Clamp clamp = layout.architecture().clamp();
    double limit = clamp == null ? CLAMP : layout.number(clamp.limit()).orElse(CLAMP);
    if (limit != CLAMP) {
      notes.add(
          Checks.text(
              "llama.cpp clamps what is inside the experts of this family to %s; the model to %s",
              CLAMP, limit));
    }
  }

  private void groups() {
    ExpertGroups groups = layout.groups();
    if (groups.open() == groups.count()) {
      return; // no restriction, which llama.cpp does not want to be told
    }
    count("expert_group_count", groups.count());
    count("expert_group_used_count", groups.open());
    if (groups.score() == GroupScore.MAX) {
      notes.add(
          "llama.cpp scores a group of experts by its two best experts; the model by the best one");
    }
  }

  private void predictionLayers(MoeModel model) {
    int left = model.inventory().multiTokenPrediction().size();
    if (left > 0) {
      notes.add(left + " tensors of layers for multi-token prediction are left out");
    }
  }
}
