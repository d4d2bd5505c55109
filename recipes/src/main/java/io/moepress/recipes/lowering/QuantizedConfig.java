package io.moepress.recipes.lowering;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.RuntimeNames;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.formats.lowprecision.SourceScheme;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.plan.QuantizeWeights;
import io.moepress.recipes.plan.QuantizedStorage;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// Says in `config.json` which linear layers are quantised, as compressed-tensors reads it.
///
/// * Of several schemes, the one with the most layers is for the class `Linear`; the others list
///   their layers, experts by a pattern. Runtimes take the first that fits.
/// * Where all experts have one scheme and other layers have another, the group of experts stands
///   first, with patterns for them: by these transformers tells which group it is.
/// * Where a family calls the projections of experts otherwise than runtimes do, both names stand.
/// * Every linear layer that is not quantised stands in `ignore` by its full name: runtimes refuse
///   one that is neither, and what contains it must not stand there.
///
/// Only keys that all versions know are written.
final class QuantizedConfig {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
  private static final String WEIGHT = ".weight";
  private static final String HEAD = "lm_head";
  private static final String LINEAR = "Linear";

  private final MoeModel model;
  private final Map<IntegerScheme, List<TensorId>> layers = new LinkedHashMap<>();
  private final SortedSet<String> ignored = new TreeSet<>();

  private QuantizedConfig(MoeModel model, List<QuantizeWeights> steps) {
    this.model = model;
    Map<Integer, QuantizeWeights> byLayer = new HashMap<>();
    steps.forEach(step -> byLayer.put(step.layer(), step));
    model
        .inventory()
        .names()
        .forEach((id, name) -> {
          Optional<IntegerScheme> scheme =
              Optional.ofNullable(byLayer.get(id.layer())).flatMap(step -> scheme(step, id));
          if (scheme.isPresent()) {
            layers.computeIfAbsent(scheme.get(), absent -> new ArrayList<>()).add(id);
          } else if (isLinear(id, name)) {
            ignored.add(module(name));
            ignored.add(RuntimeNames.of(id.role(), module(name)));
          }
        });
    for (String name : model.inventory().multiTokenPrediction()) {
      TensorInfo info = model.checkpoint().tensors().get(name);
      if (info != null && name.endsWith(WEIGHT) && info.shape().rank() == 2) {
        ignored.add(module(name));
      }
    }
  }

  /// The configuration of the result.
  ///
  /// @param config what it is but for this
  static ModelConfig of(MoeModel model, ModelConfig config, List<QuantizeWeights> steps) {
    QuantizedConfig found = new QuantizedConfig(model, steps);
    QuantizedStorage storage =
        steps.isEmpty() ? QuantizedStorage.DECODED : steps.getFirst().storage();
    return switch (storage) {
      case COMPRESSED_TENSORS -> config.with(SourceScheme.KEY, found.json());
      case GPTQ ->
          config.with(SourceScheme.KEY, new GptqConfig(model, found.layers, found.ignored).json());
      case DECODED -> config;
    };
  }

  private static Optional<IntegerScheme> scheme(QuantizeWeights step, TensorId id) {
    return step.parts().stream()
        .filter(part -> part.linears().contains(id.role()))
        .map(part -> part.scheme(id.expert()))
        .findFirst();
  }

  private boolean isLinear(TensorId id, String name) {
    return id.role() != TensorRole.EMBEDDING
        && name.endsWith(WEIGHT)
        && model.info(id).shape().rank() == 2;
  }

  private static String module(String weight) {
    return weight.endsWith(WEIGHT)
        ? weight.substring(0, weight.length() - WEIGHT.length())
        : weight;
  }

  private ObjectNode json() {
    ObjectNode config = JSON.objectNode();
    config.put("quant_method", "compressed-tensors");
    config.put("format", "pack-quantized");
    config.put("quantization_status", "compressed");
    ObjectNode groups = config.putObject("config_groups");
    List<IntegerScheme> schemes =
        layers.keySet().stream().sorted(Comparator.comparingInt(this::count)).toList();
    IntegerScheme common = schemes.getLast();
    Optional<IntegerScheme> experts = schemes.size() == 1 ? Optional.empty() : ofAllExperts();
    experts.ifPresent(scheme ->
        groups.set("group_0", group(scheme, expertTargets(scheme, scheme.equals(common)))));
    for (IntegerScheme scheme : schemes) {
      if (!experts.equals(Optional.of(scheme))) {
        List<String> targets = scheme.equals(common) ? List.of(LINEAR) : targets(scheme);
        groups.set("group_" + groups.size(), group(scheme, targets));
      }
    }
    ignored.add(
        HEAD); // one that is tied to the embedding has no tensor and is a layer all the same
    ArrayNode ignore = config.putArray("ignore");
    ignored.forEach(ignore::add);
    return config;
  }

  private int count(IntegerScheme scheme) {
    return layers.getOrDefault(scheme, List.of()).size();
  }

  /// The scheme that all experts have; nothing where they differ.
  private Optional<IntegerScheme> ofAllExperts() {
    List<IntegerScheme> schemes =
        layers.entrySet().stream()
            .filter(entry -> entry.getValue().stream().anyMatch(id -> id.role().isExpert()))
            .map(Map.Entry::getKey)
            .toList();
    return schemes.size() == 1 ? Optional.of(schemes.getFirst()) : Optional.empty();
  }

  /// A pattern for each projection of experts, and the other layers of their scheme.
  private List<String> expertTargets(IntegerScheme scheme, boolean isCommon) {
    Set<String> targets = new LinkedHashSet<>();
    for (TensorId id : layers.getOrDefault(scheme, List.of())) {
      if (id.role().isExpert()) {
        String pattern = pattern(module(model.inventory().name(id)), id);
        targets.add(pattern.replaceFirst("\\[\\.\\]" + id.layer() + "\\[", "[.][0-9]+["));
      }
    }
    if (isCommon) {
      targets.add(LINEAR);
    } else {
      targets(scheme).stream().filter(name -> !name.startsWith("re:")).forEach(targets::add);
    }
    return List.copyOf(targets);
  }

  private static ObjectNode group(IntegerScheme scheme, List<String> names) {
    ObjectNode group = JSON.objectNode();
    ArrayNode targets = group.putArray("targets");
    names.forEach(targets::add);
    ObjectNode weights = group.putObject("weights");
    weights.put("num_bits", scheme.bits());
    weights.put("type", "int");
    weights.put("symmetric", scheme.isSymmetric());
    boolean byRow = scheme.groupSize() == IntegerScheme.CHANNEL;
    weights.put("strategy", byRow ? "channel" : "group");
    if (!byRow) {
      weights.put("group_size", scheme.groupSize());
    }
    weights.put("dynamic", false);
    return group;
  }

  /// The layers of a scheme; where all experts of a layer have it, one pattern for them.
  private List<String> targets(IntegerScheme scheme) {
    Map<String, List<TensorId>> names = new TreeMap<>();
    for (TensorId id : layers.getOrDefault(scheme, List.of())) {
      String module = module(model.inventory().name(id));
      String key = id.expert() == TensorId.NONE ? module : pattern(module, id);
      names.computeIfAbsent(key, absent -> new ArrayList<>()).add(id);
    }
    List<String> targets = new ArrayList<>();
    names.forEach((key, ids) -> {
      if (key.startsWith("re:") && ids.size() == model.layout().experts()) {
        targets.add(key);
      } else {
        ids.forEach(id -> targets.addAll(spellings(id)));
      }
    });
    return targets;
  }

  /// The name of a layer, and what runtimes call it if that is another.
  private List<String> spellings(TensorId id) {
    String module = module(model.inventory().name(id));
    return Stream.of(module, RuntimeNames.of(id.role(), module)).distinct().toList();
  }

  /// `re:model[.]layers[.]3[.]mlp[.]experts[.][0-9]+[.]gate_proj$`.
  private static String pattern(String module, TensorId id) {
    String expert = "\\." + id.expert() + "\\.";
    String any = module.replaceFirst(expert + "(?!.*" + expert + ")", ".#.");
    int last = any.lastIndexOf('.') + 1;
    String own = any.substring(last);
    String asked = RuntimeNames.projection(id.role()).orElse(own);
    String projection = own.equals(asked) ? own : "(" + own + "|" + asked + ")";
    return "re:"
        + any.substring(0, last).replace(".", "[.]").replace("#", "[0-9]+")
        + projection
        + "$";
  }
}
