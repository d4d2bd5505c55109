package io.moepress.formats.architecture;

import static io.moepress.formats.architecture.DraftDimensions.UNKNOWN;

import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.json.Json;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Drafts an architecture file, see [ArchitectureDraft].
final class ArchitectureDrafter {
  private static final List<String> COUNT_KEYS =
      List.of("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts");
  private static final List<String> TOP_K_KEYS =
      List.of("num_experts_per_tok", "num_experts_per_token", "moe_top_k", "moe_k", "top_k");
  private static final List<String> FIRST_KEYS =
      List.of("first_k_dense_replace", "moe_layer_start_index", "num_dense_layers");
  private static final List<String> EVERY_KEYS =
      List.of("decoder_sparse_step", "moe_layer_interval", "interleave_moe_layer_step");
  private static final String EXCEPT = "mlp_only_layers";
  private static final String EXTRA_LAYERS = "num_nextn_predict_layers";

  private final ModelConfig config;
  private final List<TensorPattern> patterns;
  private final List<String> undecided = new ArrayList<>();
  private final DraftDimensions dimensions;
  private final Map<TensorRole, TensorPattern> roles = new EnumMap<>(TensorRole.class);
  private final ObjectNode draft = Json.mapper().createObjectNode();

  ArchitectureDrafter(Checkpoint checkpoint) {
    this.config = checkpoint.config();
    this.patterns = TensorPattern.of(checkpoint);
    List<String> keys = List.copyOf(Json.object(config.text(), "config.json").propertyNames());
    this.dimensions = new DraftDimensions(config, keys, undecided);
  }

  ArchitectureDraft draft() {
    dimensions.define("layers", List.of("num_hidden_layers", "num_layers", "n_layers", "n_layer"));
    findRoles();
    sizes();
    draft.put("formatVersion", Architecture.FORMAT_VERSION);
    list("modelTypes", List.of(config.modelType()));
    list("countKeys", countKeys());
    list("topKKeys", dimensions.present(TOP_K_KEYS));
    ObjectNode formulas = draft.putObject("dimensions");
    moeLayers();
    tensors(draft.putObject("tensors"));
    extraLayers();
    attention(draft.putObject("attention"));
    router(draft.putObject("router"));
    activation();
    dimensions.formulas().forEach(formulas::put);
    return new ArchitectureDraft(draft, undecided);
  }

  private void list(String key, List<String> values) {
    ArrayNode array = draft.putArray(key);
    values.forEach(array::add);
    if (values.isEmpty()) {
      undecided.add(key + ": no key of config.json is known to mean it");
    }
  }

  /// What the configuration says, but no more than there are.
  private int layers() {
    int found =
        patterns.stream()
            .filter(pattern -> !pattern.layers().isEmpty())
            .mapToInt(pattern -> pattern.layers().last() + 1)
            .max()
            .orElse(0);
    return (int) Math.min(found, dimensions.dimension("layers").orElse(found));
  }

  /// Gives each pattern of the main model its role, if the name tells one and no other has it.
  private void findRoles() {
    Set<TensorRole> twice = new HashSet<>();
    for (TensorPattern all : patterns) {
      TensorPattern pattern = all.before(layers());
      if (!all.layers().isEmpty() && pattern.layers().isEmpty()) {
        continue; // only in layers behind the last one
      }
      Optional<TensorRole> role = NameRoles.of(pattern.name());
      if (role.isEmpty() || pattern.shapes().size() > 1) {
        undecided.add("tensor " + pattern + ": no known role");
      } else if (roles.containsKey(role.get()) || twice.contains(role.get())) {
        undecided.add("tensor " + pattern + ": another one has the role " + label(role.get()));
      } else {
        roles.put(role.get(), pattern);
      }
    }
  }

  private static String label(TensorRole role) {
    return Json.mapper().valueToTree(role).asString();
  }

  private boolean latent() {
    return roles.containsKey(TensorRole.KEY_VALUE_COMPRESS);
  }

  private void sizes() {
    dimensions.define("hidden", List.of("hidden_size", "d_model", "n_embd", "dim"));
    dimensions.define("vocabulary", List.of("vocab_size"));
    dimensions.define("heads", List.of("num_attention_heads", "n_heads", "n_head"));
    if (latent()) {
      dimensions.define("keyValueHeads", "heads");
      dimensions.define("plainDim", List.of("qk_nope_head_dim"));
      dimensions.define("turnedDim", List.of("qk_rope_head_dim"));
      dimensions.define("headDim", "plainDim + turnedDim");
      dimensions.define("valueDim", List.of("v_head_dim"));
      dimensions.define("latentDim", List.of("kv_lora_rank"));
      if (roles.containsKey(TensorRole.QUERY_COMPRESS)) {
        dimensions.define("queryRank", List.of("q_lora_rank"));
      }
    } else {
      dimensions.define(
          "keyValueHeads",
          dimensions.has("num_key_value_heads") ? "config.num_key_value_heads" : "heads");
      dimensions.define(
          "headDim", dimensions.has("head_dim") ? "config.head_dim" : "hidden / heads");
    }
    List<String> counts = countKeys();
    if (counts.isEmpty()) {
      dimensions.define("experts", COUNT_KEYS);
    } else {
      dimensions.define("experts", "config." + String.join(" ?? config.", counts));
    }
    dimensions.define("topK", TOP_K_KEYS);
    widths();
  }

  /// The keys of the number of experts that agree with the router.
  private List<String> countKeys() {
    TensorPattern router = roles.get(TensorRole.ROUTER);
    return dimensions.present(COUNT_KEYS).stream()
        .filter(key ->
            router == null
                || dimensions.is("config." + key, router.shape().dimensions().getFirst()))
        .toList();
  }

  private void widths() {
    Predicate<String> width = key -> key.contains("intermediate") || key.contains("ffn");
    Predicate<String> expert = key -> key.contains("moe") || key.contains("expert");
    Predicate<String> shared = key -> key.contains("shared");
    width(
        TensorRole.EXPERT_GATE,
        "expertWidth",
        List.of(width.and(expert).and(shared.negate()), width.and(expert.negate())),
        "");
    width(
        TensorRole.SHARED_GATE,
        "sharedWidth",
        List.of(width.and(shared)),
        dimensions.has("n_shared_experts") ? "expertWidth * config.n_shared_experts" : "");
    width(TensorRole.DENSE_GATE, "denseWidth", List.of(width.and(expert.negate())), "");
    if (!dimensions.formulas().containsKey("expertWidth")) {
      dimensions.define("expertWidth", UNKNOWN);
      undecided.add("dimension expertWidth: no tensor is known to be an expert's");
    }
  }

  private void width(
      TensorRole role, String name, List<Predicate<String>> kinds, String otherwise) {
    TensorPattern pattern = roles.get(role);
    if (pattern != null) {
      dimensions.explain(name, pattern.shape().dimensions().getFirst(), kinds, otherwise);
    }
  }

  private void moeLayers() {
    TensorPattern router = roles.get(TensorRole.ROUTER);
    if (router == null) {
      undecided.add("moeLayers: no tensor is known to be the router");
      return;
    }
    SortedSet<Integer> moe = router.layers();
    if (moe.size() == layers()) {
      return;
    }
    for (String key : dimensions.present(FIRST_KEYS)) {
      int first = (int) dimensions.config(key).orElse(0);
      if (moe.equals(layersWhere(layer -> layer >= first))) {
        draft.putObject("moeLayers").put("first", "config." + key);
        return;
      }
    }
    Set<Integer> dense = new HashSet<>();
    config.value(EXCEPT).ifPresent(list -> list.forEach(layer -> dense.add(layer.asInt(-1))));
    for (String key : dimensions.present(EVERY_KEYS)) {
      int every = Math.max(1, (int) dimensions.config(key).orElse(1));
      if (moe.equals(layersWhere(layer -> (layer + 1) % every == 0 && !dense.contains(layer)))) {
        ObjectNode rule = draft.putObject("moeLayers").put("every", "config." + key);
        if (!dense.isEmpty()) {
          rule.put("except", EXCEPT);
        }
        return;
      }
    }
    if (moe.equals(layersWhere(layer -> !dense.contains(layer)))) {
      draft.putObject("moeLayers").put("except", EXCEPT);
      return;
    }
    draft.putObject("moeLayers").put("first", UNKNOWN);
    undecided.add("moeLayers: experts stand in layers " + moe + ", which no known key explains");
  }

  private SortedSet<Integer> layersWhere(Predicate<Integer> rule) {
    return new TreeSet<>(IntStream.range(0, layers()).boxed().filter(rule).toList());
  }

  private void tensors(ObjectNode tensors) {
    roles.forEach((role, pattern) -> {
      ObjectNode template = tensors.putObject(label(role)).put("name", pattern.name());
      ArrayNode shape = template.putArray("shape");
      formulas(role, pattern).forEach(shape::add);
      if (role == TensorRole.OUTPUT_HEAD) {
        template.put("optional", "config.tie_word_embeddings ?? false");
      }
      requireEverywhere(role, pattern);
    });
  }

  /// The one known form of a role's shape that has the right numbers; else the numbers.
  private List<String> formulas(TensorRole role, TensorPattern pattern) {
    List<Long> sizes = pattern.shape().dimensions();
    List<List<String>> fitting =
        RoleShapes.of(role, latent()).stream().filter(form -> fits(form, sizes)).toList();
    if (fitting.size() == 1) {
      return fitting.getFirst();
    }
    undecided.add(
        "tensor "
            + pattern
            + ": its role seems to be "
            + label(role)
            + ", but "
            + (fitting.isEmpty() ? "its shape is not that role's" : "its shape has two readings")
            + "; the numbers stand for themselves");
    return sizes.stream().map(String::valueOf).toList();
  }

  private boolean fits(List<String> form, List<Long> sizes) {
    return form.size() == sizes.size()
        && IntStream.range(0, form.size())
            .allMatch(axis -> dimensions.is(form.get(axis), sizes.get(axis)));
  }

  private void requireEverywhere(TensorRole role, TensorPattern pattern) {
    TensorPattern router = roles.get(TensorRole.ROUTER);
    SortedSet<Integer> moe = router == null ? new TreeSet<>() : router.layers();
    SortedSet<Integer> expected =
        switch (role.scope()) {
          case MODEL -> new TreeSet<>();
          case LAYER -> layersWhere(layer -> true);
          case MOE_LAYER, EXPERT, ALL_EXPERTS -> moe;
          case DENSE_LAYER -> layersWhere(layer -> !moe.contains(layer));
        };
    if (!pattern.layers().equals(expected)) {
      undecided.add(
          "tensor " + pattern + ": in layers " + pattern.layers() + " (expected " + expected + ")");
    }
  }

  private void extraLayers() {
    Set<String> prefixes = new TreeSet<>();
    for (TensorPattern pattern : patterns) {
      if (!pattern.layers().tailSet(layers()).isEmpty()) {
        int end = pattern.name().indexOf("{layer}") + "{layer}.".length();
        prefixes.add(pattern.name().substring(0, end));
      }
    }
    if (prefixes.size() == 1 && dimensions.has(EXTRA_LAYERS)) {
      draft
          .putObject("multiTokenPrediction")
          .put("prefix", prefixes.iterator().next())
          .put("countKey", EXTRA_LAYERS);
    } else if (!prefixes.isEmpty()) {
      undecided.add("tensors behind layer " + (layers() - 1) + ": " + prefixes);
    }
  }

  private void attention(ObjectNode attention) {
    attention.put("kind", latent() ? "latent" : "grouped-query");
    if (latent()) {
      attention.put("latent", "latentDim").put("plain", "plainDim").put("turned", "turnedDim");
      attention.put("value", "valueDim");
      ask(attention, "epsilon", "attention.epsilon: of the norms of compressed vectors");
    } else {
      attention.put("headNorm", headNorm());
      if (dimensions.has("clip_qkv")) {
        attention.put("clip", "config.clip_qkv");
      }
      if (dimensions.has("partial_rotary_factor")) {
        attention.put("rotaryWidth", "headDim * config.partial_rotary_factor");
      }
      if (dimensions.has("sliding_window")) {
        undecided.add("attention.window: config.json has a sliding_window; which layers have it?");
      }
    }
    ask(attention, "rotary", "attention.rotary: half or pairs");
  }

  private String headNorm() {
    TensorPattern norm = roles.get(TensorRole.QUERY_NORM);
    if (norm == null) {
      return "none";
    }
    return dimensions.is("headDim", norm.shape().dimensions().getFirst()) ? "per-head" : "whole";
  }

  private void router(ObjectNode router) {
    String score = config.value("scoring_func").map(node -> node.asString("")).orElse("");
    if (Set.of("softmax", "sigmoid").contains(score)) {
      router.put("score", score);
    } else {
      ask(router, "score", "router.score: softmax, softmax-of-chosen or sigmoid");
    }
    if (dimensions.config("n_group").orElse(1) > 1) {
      ObjectNode groups = router.putObject("groups");
      groups.put("count", "config.n_group").put("open", "config.topk_group");
      ask(groups, "score", "router.groups.score: max or sum-of-two-largest");
    }
    if (dimensions.has("norm_topk_prob")) {
      router.put("renormalise", "config.norm_topk_prob");
    } else {
      ask(router, "renormalise", "router.renormalise: true or false");
    }
    if (dimensions.has("routed_scaling_factor")) {
      router.put("scale", "config.routed_scaling_factor");
    }
  }

  private void activation() {
    String activation = config.value("hidden_act").map(node -> node.asString("")).orElse("");
    if (activation.equals("silu")) {
      draft.put("activation", activation);
    } else {
      ask(draft, "activation", "activation: config.json says \"" + activation + "\"; known: silu");
    }
    ObjectNode assumes = draft.putObject("assumes");
    for (String key : List.of("hidden_act", "scoring_func")) {
      config.value(key).ifPresent(value -> assumes.set(key, value));
    }
  }

  private void ask(ObjectNode node, String key, String question) {
    node.put(key, UNKNOWN);
    undecided.add(question);
  }
}
