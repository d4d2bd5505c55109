package io.moepress.formats.architecture;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.Words;
import io.moepress.formats.architecture.Architecture.Groups;
import io.moepress.formats.architecture.Architecture.MoeLayers;
import io.moepress.formats.architecture.Architecture.Storage;
import io.moepress.formats.architecture.Architecture.TensorTemplate;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.tensor.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// An architecture together with one model's configuration: every formula has its value, and every
/// tensor its name and shape.
public final class ModelLayout {
  private final Architecture architecture;
  private final ModelConfig config;
  private final @Nullable Storage storage;
  private final Map<TensorRole, TensorTemplate> templates;
  private final Formulas formulas;
  private final SortedMap<Integer, Integer> listed;
  private final ExpertMap expertMap;
  private final Map<TensorRole, Shape> shapes = new ConcurrentHashMap<>();
  private final PredictionLayers prediction;

  private ModelLayout(Architecture architecture, ModelConfig config, @Nullable Storage storage) {
    this.architecture = architecture;
    this.config = config;
    this.storage = storage;
    this.templates = templates(architecture, storage);
    this.formulas = new Formulas(architecture, config);
    this.listed = ExpertCounts.byLayer(ExpertCounts.listed(architecture, config), this);
    this.expertMap = ExpertMap.of(this);
    this.prediction = PredictionLayers.of(this);
  }

  /// The family's tensors, with those of a storage in their places.
  private static Map<TensorRole, TensorTemplate> templates(
      Architecture architecture, @Nullable Storage storage) {
    Map<TensorRole, TensorTemplate> templates = new LinkedHashMap<>(architecture.tensors());
    if (storage != null) {
      templates.keySet().removeIf(TensorRole::isExpert);
      templates.putAll(storage.tensors());
    }
    return templates;
  }

  /// Binds the architecture that `config` names.
  ///
  /// @throws FormatException for an unknown architecture, or a config that lacks a dimension
  public static ModelLayout of(ModelConfig config) {
    return of(ArchitectureCatalog.of(config), config);
  }

  /// Binds an architecture to a configuration. Experts are stored in the family's first way.
  ///
  /// @throws FormatException when the config lacks a dimension or contradicts itself
  public static ModelLayout of(Architecture architecture, ModelConfig config) {
    return of(
        architecture, config, StorageChoice.ways(architecture, config).getFirst().orElse(null));
  }

  private static ModelLayout of(
      Architecture architecture, ModelConfig config, @Nullable Storage storage) {
    ModelLayout layout = lenient(architecture, config, storage);
    ExpertCounts.requireConsistent(layout);
    return layout;
  }

  /// This model in every way in which its family stores experts.
  public List<ModelLayout> stored() {
    return StorageChoice.ways(architecture, config).stream()
        .map(way -> new ModelLayout(architecture, config, way.orElse(null)))
        .toList();
  }

  /// The same family, its experts stored in the same way, with another configuration.
  ///
  /// @throws FormatException when the config lacks a dimension or contradicts itself
  public ModelLayout with(ModelConfig other) {
    return of(architecture, other, storage);
  }

  /// How experts are stacked; empty where each matrix is a tensor of its own.
  public Optional<Storage> storage() {
    return Optional.ofNullable(storage);
  }

  /// Binds an architecture to a configuration whose numbers of experts may contradict each other,
  /// for those who tell what is wrong with a checkpoint.
  ///
  /// @throws FormatException when the config lacks a dimension
  public static ModelLayout lenient(Architecture architecture, ModelConfig config) {
    return lenient(
        architecture, config, StorageChoice.ways(architecture, config).getFirst().orElse(null));
  }

  private static ModelLayout lenient(
      Architecture architecture, ModelConfig config, @Nullable Storage storage) {
    ModelLayout layout = new ModelLayout(architecture, config, storage);
    for (Dimension dimension : Dimension.values()) {
      layout.dimension(dimension);
    }
    return layout;
  }

  /// The family.
  public Architecture architecture() {
    return architecture;
  }

  /// The configuration.
  public ModelConfig config() {
    return config;
  }

  /// A dimension's value, positive.
  public int dimension(Dimension dimension) {
    return count(dimension.key());
  }

  /// Number of decoder layers.
  public int layers() {
    return dimension(Dimension.LAYERS);
  }

  /// Number of routed experts in each layer that has them; where layers differ, the largest.
  public int experts() {
    return dimension(Dimension.EXPERTS);
  }

  /// Number of routed experts of a layer that has them. Layers for multi-token prediction have as
  /// many as the last layer.
  public int experts(int layer) {
    if (listed.isEmpty()) {
      return experts();
    }
    int known = layer < layers() ? layer : listed.lastKey();
    return listed.getOrDefault(known, experts());
  }

  /// Which expert each router row leads to.
  public ExpertMap expertMap() {
    return expertMap;
  }

  /// Number of rows that the router of a layer has: of its experts, unless several lead to one.
  public int routerRows(int layer) {
    return expertMap.rows(layer, experts(layer));
  }

  /// Number of routed experts of every layer that has them, by layer.
  public SortedMap<Integer, Integer> expertCounts() {
    SortedMap<Integer, Integer> counts = new TreeMap<>();
    moeLayers().forEach(layer -> counts.put(layer, experts(layer)));
    return counts;
  }

  /// The numbers of routed experts that layers have, each once.
  public SortedSet<Integer> distinctExperts() {
    return new TreeSet<>(listed.isEmpty() ? List.of(experts()) : listed.values());
  }

  /// This model with other numbers of experts.
  ///
  /// @param byLayer the number of every layer with experts
  /// @throws FormatException when a token uses more, or groups do not fit
  public ModelLayout withExperts(SortedMap<Integer, Integer> byLayer) {
    return with(ExpertCounts.written(this, byLayer));
  }

  /// Number of routed experts each token uses.
  public int topK() {
    return dimension(Dimension.TOP_K);
  }

  /// The groups experts stand in; [ExpertGroups#NONE] where the router knows none.
  public ExpertGroups groups() {
    Groups groups = architecture.router().groups();
    if (groups == null || (groups.where() != null && !says(groups.where()))) {
      return ExpertGroups.NONE;
    }
    return new ExpertGroups(count(groups.count()), count(groups.open()), groups.score());
  }

  /// Whether the configuration has these texts under these keys.
  private boolean says(Map<String, String> texts) {
    return texts.entrySet().stream()
        .allMatch(entry ->
            config
                .value(entry.getKey())
                .filter(node -> node.asString("").equals(entry.getValue()))
                .isPresent());
  }

  /// Whether `layer` has experts.
  public boolean isMoe(int layer) {
    MoeLayers rule = architecture.moeLayers();
    if (rule == null) {
      return true;
    }
    long first = rule.first() == null ? 0 : (long) number(rule.first()).orElse(0);
    long every = rule.every() == null ? 1 : formulas.positive(rule.every());
    boolean dense = rule.except() != null && listed(rule.except(), layer);
    return layer >= first && (layer + 1) % every == 0 && !dense;
  }

  private boolean listed(String key, int layer) {
    JsonNode list = config.value(key).orElse(JsonNodeFactory.instance.arrayNode());
    Checks.requireFormat(
        list.isArray() && list.valueStream().allMatch(JsonNode::isInt),
        "config.json: %s = %s (expected a list of layer indices)",
        key,
        Words.shown(list.toString()));
    return list.valueStream().anyMatch(node -> node.asInt() == layer);
  }

  /// Indices of the layers that have experts, ascending.
  public List<Integer> moeLayers() {
    return IntStream.range(0, layers()).filter(this::isMoe).boxed().toList();
  }

  /// The value of a formula of the architecture file.
  public OptionalDouble number(String formula) {
    return formulas.number(formula);
  }

  /// Whether a formula has a value other than zero.
  public boolean flag(String formula) {
    return formulas.flag(formula);
  }

  /// The whole number, at least 1, that a formula of the architecture file has to have.
  ///
  /// @throws FormatException when it has another value, or none
  public int count(String formula) {
    return Math.toIntExact(formulas.positive(formula));
  }

  /// Whether a model with this configuration has tensors of `role`.
  public boolean has(TensorRole role) {
    TensorTemplate template = templates.get(role);
    return template != null && (template.when() == null || flag(template.when()));
  }

  /// Whether a checkpoint may lack the tensors of `role`.
  public boolean isOptional(TensorRole role) {
    String optional = template(role).optional();
    return optional != null && flag(optional);
  }

  /// The name of a tensor in a checkpoint.
  public String name(TensorId id) {
    TensorTemplate template = template(id.role());
    return template
        .name()
        .replace("{layer}", Integer.toString(id.layer()))
        .replace("{expert}", Integer.toString(id.expert()));
  }

  /// What the name of any tensor of `role` looks like.
  Pattern namePattern(TensorRole role) {
    String quoted = Pattern.quote(template(role).name());
    return Pattern.compile(
        quoted.replace("{layer}", "\\E\\d+\\Q").replace("{expert}", "\\E\\d+\\Q"));
  }

  /// The shape a tensor must have.
  public Shape shape(TensorId id) {
    Shape shape = shape(id.role());
    int axis = listed.isEmpty() && expertMap.isEmpty() ? -1 : expertAxis(id.role());
    if (axis < 0) {
      return shape;
    }
    List<Long> dimensions = new ArrayList<>(shape.dimensions());
    boolean ofExperts = id.role().isExpert();
    dimensions.set(axis, (long) (ofExperts ? experts(id.layer()) : routerRows(id.layer())));
    return new Shape(dimensions);
  }

  /// The shape a tensor of `role` must have; where layers differ in their number of experts, that
  /// of the largest.
  public Shape shape(TensorRole role) {
    return shapes.computeIfAbsent(
        role, _ -> new Shape(template(role).shape().stream().map(formulas::positive).toList()));
  }

  /// The axis along which a tensor of `role` holds one slice for each expert; -1 when it has none.
  public int expertAxis(TensorRole role) {
    return template(role).shape().indexOf(Dimension.EXPERTS.key());
  }

  /// The roles that tensors of this model have.
  public List<TensorRole> roles() {
    return templates.keySet().stream().filter(this::has).toList();
  }

  /// Every tensor the model may have, with those of a layer together.
  public List<TensorId> tensors() {
    List<TensorRole> roles = roles();
    List<TensorId> ids = new ArrayList<>();
    for (TensorRole role : roles) {
      if (role.scope() == TensorRole.Scope.MODEL) {
        ids.add(TensorId.ofModel(role));
      }
    }
    for (int layer = 0; layer < layers(); layer++) {
      for (TensorRole role : roles) {
        addLayer(ids, role, layer, isMoe(layer));
      }
    }
    return ids;
  }

  /// Every tensor that a layer has if it has experts, whether this one has them or not.
  public List<TensorId> sparseTensors(int layer) {
    List<TensorId> ids = new ArrayList<>();
    roles().forEach(role -> addLayer(ids, role, layer, true));
    return ids;
  }

  /// The number of the layer for multi-token prediction whose tensor has this name; nothing when
  /// there is none. Such layers stand behind the last and are no part of the main model.
  public OptionalInt predictionLayer(String name) {
    return prediction.number(name);
  }

  /// Makes sure that the forward pass does what this configuration asks for.
  ///
  /// @throws FormatException naming the first key with a value it does not know
  public void requireAssumptions() {
    architecture
        .assumes()
        .forEach((key, expected) ->
            config
                .value(key)
                .ifPresent(found ->
                    Checks.requireFormat(
                        found.equals(expected),
                        "config.json: %s = %s (the forward pass of %s knows only %s). Plans that need no"
                            + " calibration can still be applied.",
                        key,
                        found,
                        config.modelType(),
                        expected)));
  }

  private void addLayer(List<TensorId> ids, TensorRole role, int layer, boolean moe) {
    switch (role.scope()) {
      case MODEL -> {}
      case LAYER -> ids.add(TensorId.ofLayer(role, layer));
      case MOE_LAYER, ALL_EXPERTS -> addIf(moe, ids, TensorId.ofLayer(role, layer));
      case DENSE_LAYER -> addIf(!moe, ids, TensorId.ofLayer(role, layer));
      case EXPERT -> {
        for (int expert = 0; moe && expert < experts(layer); expert++) {
          ids.add(new TensorId(role, layer, expert));
        }
      }
    }
  }

  private static void addIf(boolean wanted, List<TensorId> ids, TensorId id) {
    if (wanted) {
      ids.add(id);
    }
  }

  private TensorTemplate template(TensorRole role) {
    TensorTemplate template = templates.get(role);
    if (template == null) {
      throw FormatException.of(
          "architecture %s has no tensor for the role %s", architecture.modelTypes(), role);
    }
    return template;
  }
}
