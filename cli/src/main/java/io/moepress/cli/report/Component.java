package io.moepress.cli.report;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.tensor.TensorInfo;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// A part of a model, and how large it is before and after.
///
/// @param name what a reader calls it
/// @param before bytes in the source
/// @param after bytes in the output
public record Component(String name, long before, long after) {
  private static final String PREDICTION = "multi-token prediction";

  /// The parts of two models, the large ones of most models first.
  public static List<Component> of(MoeModel source, MoeModel output) {
    Map<String, Long> before = bytes(source);
    Map<String, Long> after = bytes(output);
    Set<String> names = new LinkedHashSet<>(before.keySet());
    names.addAll(after.keySet());
    List<Component> components = new ArrayList<>();
    for (String name : names) {
      components.add(
          new Component(name, before.getOrDefault(name, 0L), after.getOrDefault(name, 0L)));
    }
    components.sort((one, other) -> Long.compare(other.before(), one.before()));
    return components;
  }

  private static Map<String, Long> bytes(MoeModel model) {
    Map<String, Long> bytes = new LinkedHashMap<>();
    for (TensorId id : model.inventory().names().keySet()) {
      long size = model.parts(id).stream().mapToLong(TensorInfo::byteCount).sum();
      bytes.merge(name(id.role()), size, Long::sum);
    }
    for (String name : model.inventory().multiTokenPrediction()) {
      TensorInfo info = model.checkpoint().tensors().get(name);
      bytes.merge(PREDICTION, info == null ? 0 : info.byteCount(), Long::sum);
    }
    return bytes;
  }

  private static String name(TensorRole role) {
    return switch (role) {
      case EMBEDDING, OUTPUT_HEAD -> "embedding and output head";
      case EXPERT_GATE,
          EXPERT_UP,
          EXPERT_DOWN,
          EXPERTS_GATE_UP,
          EXPERTS_GATE_UP_BIAS,
          EXPERTS_DOWN,
          EXPERTS_DOWN_BIAS ->
          "routed experts";
      case SHARED_GATE, SHARED_UP, SHARED_DOWN -> "shared experts";
      case DENSE_GATE, DENSE_UP, DENSE_DOWN -> "dense feed-forward";
      case ROUTER, ROUTER_BIAS, SELECTION_BIAS, SHARED_ROUTER -> "routers";
      case FINAL_NORM,
          ATTENTION_NORM,
          FEED_FORWARD_NORM,
          QUERY_NORM,
          KEY_NORM,
          QUERY_COMPRESS_NORM,
          KEY_VALUE_COMPRESS_NORM ->
          "norms";
      case QUERY,
          QUERY_BIAS,
          QUERY_COMPRESS,
          QUERY_EXPAND,
          KEY,
          KEY_BIAS,
          VALUE,
          VALUE_BIAS,
          KEY_VALUE_COMPRESS,
          KEY_VALUE_EXPAND,
          ATTENTION_OUTPUT,
          ATTENTION_OUTPUT_BIAS,
          ATTENTION_SINKS ->
          "attention";
    };
  }
}
