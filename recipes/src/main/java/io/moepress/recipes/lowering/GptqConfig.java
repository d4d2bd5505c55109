package io.moepress.recipes.lowering;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.integer.GptqLayout;
import io.moepress.formats.integer.IntegerScheme;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SortedSet;
import java.util.stream.Collectors;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// Says in `config.json` which linear layers are quantised, as runtimes read it of GPTQ
/// checkpoints.
///
/// * The scheme with the most layers is that of the whole; layers of others stand in `dynamic` with
///   `+:`, all experts of a layer by one pattern that also matches what contains them.
/// * Every linear layer that is not quantised stands in `dynamic` with `-:`.
///
/// @param model names
/// @param layers those that are quantised, by scheme
/// @param ignored names of those that are not
record GptqConfig(
    MoeModel model, Map<IntegerScheme, List<TensorId>> layers, SortedSet<String> ignored) {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
  private static final String EXPERTS = "experts.";

  ObjectNode json() {
    IntegerScheme common =
        layers.entrySet().stream()
            .max(Comparator.comparingInt(entry -> entry.getValue().size()))
            .orElseThrow()
            .getKey();
    ObjectNode config = JSON.objectNode();
    config.put("quant_method", "gptq");
    put(config, common);
    config.put("sym", common.isSymmetric());
    config.put("desc_act", false);
    config.put("checkpoint_format", GptqLayout.Version.of(common).label());
    config.put("lm_head", false);
    config.put("pack_dtype", "int32");
    ObjectNode dynamic = JSON.objectNode();
    layers.forEach((scheme, ids) -> {
      if (!scheme.equals(common)) {
        patterns(ids).forEach(pattern -> put(dynamic.putObject("+:" + pattern), scheme));
      }
    });
    ignored.forEach(name -> dynamic.putObject("-:" + exactly(name)));
    config.set("dynamic", dynamic);
    return config;
  }

  private static void put(ObjectNode object, IntegerScheme scheme) {
    object.put("bits", scheme.bits());
    object.put("group_size", scheme.groupSize() == IntegerScheme.CHANNEL ? -1 : scheme.groupSize());
  }

  private Set<String> patterns(List<TensorId> ids) {
    Map<Integer, Long> all = experts(model.inventory().names().keySet());
    Map<Integer, Long> these = experts(ids);
    Set<String> patterns = new LinkedHashSet<>();
    for (TensorId id : ids) {
      String weight = model.inventory().name(id);
      String module = weight.substring(0, weight.lastIndexOf('.'));
      boolean whole =
          id.role().isExpert() && Objects.equals(these.get(id.layer()), all.get(id.layer()));
      patterns.add(whole ? block(module) : exactly(module));
    }
    return patterns;
  }

  /// Matrices of experts of each layer.
  private static Map<Integer, Long> experts(Collection<TensorId> ids) {
    return ids.stream()
        .filter(id -> id.role().isExpert())
        .collect(Collectors.groupingBy(TensorId::layer, Collectors.counting()));
  }

  /// What contains all experts, and they themselves.
  private static String block(String module) {
    int end = module.lastIndexOf(EXPERTS) + EXPERTS.length() - 1;
    return "^" + escaped(module.substring(0, end)) + "([.]|$)";
  }

  private static String exactly(String name) {
    return "^" + escaped(name) + "$";
  }

  private static String escaped(String name) {
    return name.replace(".", "[.]");
  }
}
