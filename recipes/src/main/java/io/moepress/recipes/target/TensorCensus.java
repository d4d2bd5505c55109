package io.moepress.recipes.target;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.Architecture.MultiTokenPrediction;
import io.moepress.formats.architecture.Architecture.TensorTemplate;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.lowprecision.StoredTensors;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.TensorInfo;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;

/// What the tensors of a checkpoint are, judged by their names alone, so that each contradiction
/// can be told by itself: with the configuration, with other layers, with the router.
public final class TensorCensus {
  private static final int FUSED_RANK = 3;

  private final ModelLayout layout;
  private final StoredTensors stored;
  private final SortedMap<String, TensorInfo> tensors;
  private final Map<TensorRole, NamePattern> patterns = new TreeMap<>();
  private final Map<TensorId, TensorInfo> known = new TreeMap<>(TensorCensus::inOrder);
  private final SortedMap<Integer, SortedMap<Integer, Set<TensorRole>>> experts = new TreeMap<>();
  private final SortedSet<String> prediction = new TreeSet<>();
  private final SortedSet<String> fused = new TreeSet<>();
  private final SortedSet<String> unknown = new TreeSet<>();

  private TensorCensus(ModelLayout layout, StoredTensors stored) {
    this.layout = layout;
    this.stored = stored;
    this.tensors = stored.tensors();
    Map<TensorRole, TensorTemplate> templates = new TreeMap<>(layout.architecture().tensors());
    layout.storage().ifPresent(storage -> templates.putAll(storage.tensors()));
    templates.forEach((role, template) -> {
      if (layout.has(role)) {
        patterns.put(role, NamePattern.of(template.name()));
      }
    });
    layout.moeLayers().forEach(layer -> experts.put(layer, new TreeMap<>()));
    tensors.values().forEach(this::count);
    stored.broken().keySet().forEach(this::countBroken);
  }

  /// Counts the tensors of a checkpoint.
  ///
  /// @throws io.moepress.formats.FormatException when the configuration claims more layers than
  ///   there are tensors, or has a scheme of low precision that cannot be read
  static TensorCensus of(Checkpoint checkpoint, ModelLayout layout) {
    Checks.requireFormat(
        layout.layers() <= checkpoint.tensors().size(),
        "%s: only %d tensors, but config.json says %d layers",
        checkpoint.name(),
        checkpoint.tensors().size(),
        layout.layers());
    return new TensorCensus(layout, StoredTensors.lenient(checkpoint));
  }

  /// Counts the tensors of a checkpoint that need not exist.
  static TensorCensus of(StoredTensors stored, ModelLayout layout) {
    return new TensorCensus(layout, stored);
  }

  private static int inOrder(TensorId one, TensorId other) {
    int byLayer = Integer.compare(one.layer(), other.layer());
    int byExpert = Integer.compare(one.expert(), other.expert());
    int byRole = one.role().compareTo(other.role());
    return byLayer != 0 ? byLayer : byExpert != 0 ? byExpert : byRole;
  }

  private void count(TensorInfo info) {
    String name = info.name();
    if (layout.predictionLayer(name).isPresent()) {
      prediction.add(name);
      return;
    }
    Optional<TensorId> place = place(name);
    if (place.isPresent()) {
      put(place.get(), info);
    } else {
      (isFused(info) ? fused : unknown).add(name);
    }
  }

  /// What is broken has a place by its name, and the shape that it should have: there is a rule of
  /// its own about it.
  private void countBroken(String name) {
    place(name).ifPresent(id -> put(id, new TensorInfo(name, DType.I32, layout.shape(id.role()))));
  }

  private void put(TensorId id, TensorInfo info) {
    known.put(id, info);
    if (id.role().scope() == TensorRole.Scope.EXPERT) {
      experts
          .computeIfAbsent(id.layer(), layer -> new TreeMap<>())
          .computeIfAbsent(id.expert(), expert -> new HashSet<>())
          .add(id.role());
    }
  }

  private Optional<TensorId> place(String name) {
    for (Map.Entry<TensorRole, NamePattern> entry : patterns.entrySet()) {
      TensorId id = entry.getValue().match(entry.getKey(), name);
      if (id != null && hasPlace(id)) {
        return Optional.of(id);
      }
    }
    return Optional.empty();
  }

  private boolean hasPlace(TensorId id) {
    boolean moe = experts.containsKey(id.layer());
    return switch (id.role().scope()) {
      case MODEL -> true;
      case LAYER -> id.layer() < layout.layers();
      case MOE_LAYER, EXPERT, ALL_EXPERTS -> moe;
      case DENSE_LAYER -> id.layer() < layout.layers() && !moe;
    };
  }

  private static boolean isFused(TensorInfo info) {
    return info.shape().dimensions().size() == FUSED_RANK
        && (info.name().endsWith(".experts.gate_up_proj")
            || info.name().endsWith(".experts.down_proj"));
  }

  /// The layout that names were compared with.
  ModelLayout layout() {
    return layout;
  }

  /// The tensors as they are stored.
  StoredTensors stored() {
    return stored;
  }

  /// Every tensor with its place in the model, in the order of layers.
  Map<TensorId, TensorInfo> known() {
    return known;
  }

  /// Names without a place in the model.
  SortedSet<String> unknown() {
    return unknown;
  }

  /// Names of tensors that hold all experts of a layer at once.
  SortedSet<String> fused() {
    return fused;
  }

  /// Names in layers for multi-token prediction.
  SortedSet<String> prediction() {
    return prediction;
  }

  /// The projections that are there of each expert of each MoE layer.
  SortedMap<Integer, SortedMap<Integer, Set<TensorRole>>> experts() {
    return experts;
  }

  /// The roles that an expert has tensors of.
  Set<TensorRole> expertRoles() {
    Set<TensorRole> roles = new TreeSet<>(patterns.keySet());
    roles.removeIf(role -> role.scope() != TensorRole.Scope.EXPERT);
    return roles;
  }

  /// Number of experts of each MoE layer in which router and experts agree on it.
  SortedMap<Integer, Integer> expertsByLayer() {
    SortedMap<Integer, Integer> counts = new TreeMap<>();
    experts.forEach((layer, members) -> {
      TensorInfo router = known.get(TensorId.ofLayer(TensorRole.ROUTER, layer));
      int held = held(layer);
      if (held > 0 && router != null && rows(router) == layout.expertMap().rows(layer, held)) {
        counts.put(layer, held);
      }
    });
    return counts;
  }

  /// Number of experts that a MoE layer has tensors of, each by itself or all in one.
  int held(int layer) {
    int members = experts.getOrDefault(layer, new TreeMap<>()).size();
    if (members > 0) {
      return members;
    }
    return known.entrySet().stream()
        .filter(entry -> entry.getKey().layer() == layer)
        .filter(entry -> entry.getKey().role().scope() == TensorRole.Scope.ALL_EXPERTS)
        .mapToInt(entry -> Math.toIntExact(rows(entry.getValue())))
        .max()
        .orElse(0);
  }

  /// Names of required tensors, other than those of experts, that are not there.
  List<String> missing(TensorRole role) {
    List<String> names = new ArrayList<>();
    for (TensorId id : places(role)) {
      if (!known.containsKey(id) && !layout.isOptional(role)) {
        names.add(layout.name(id));
      }
    }
    return names;
  }

  /// The roles that are not those of experts.
  List<TensorRole> sharedRoles() {
    return patterns.keySet().stream().filter(role -> !role.isExpert()).toList();
  }

  private List<TensorId> places(TensorRole role) {
    IntStream layers = IntStream.range(0, layout.layers());
    return switch (role.scope()) {
      case MODEL -> List.of(TensorId.ofModel(role));
      case LAYER -> layers.mapToObj(layer -> TensorId.ofLayer(role, layer)).toList();
      case MOE_LAYER ->
          experts.keySet().stream().map(layer -> TensorId.ofLayer(role, layer)).toList();
      case DENSE_LAYER ->
          layers
              .filter(layer -> !experts.containsKey(layer))
              .mapToObj(layer -> TensorId.ofLayer(role, layer))
              .toList();
      case EXPERT, ALL_EXPERTS -> List.of();
    };
  }

  /// The number of layers for multi-token prediction that `config.json` claims.
  int claimedPredictionLayers() {
    MultiTokenPrediction extra = layout.architecture().multiTokenPrediction();
    return extra == null ? 0 : (int) layout.number("config." + extra.countKey()).orElse(0);
  }

  /// The routers of layers for multi-token prediction.
  List<TensorInfo> predictionRouters() {
    NamePattern router = patterns.get(TensorRole.ROUTER);
    return router == null
        ? List.of()
        : prediction.stream()
            .filter(name -> router.match(TensorRole.ROUTER, name) != null)
            .map(name -> tensors.get(name))
            .toList();
  }

  /// Rows of a tensor; 0 of a scalar.
  static long rows(TensorInfo info) {
    List<Long> dimensions = info.shape().dimensions();
    return dimensions.isEmpty() ? 0 : dimensions.getFirst();
  }
}
