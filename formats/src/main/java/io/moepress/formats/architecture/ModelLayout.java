package io.moepress.formats.architecture;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.Words;
import io.moepress.formats.architecture.Architecture.Groups;
import io.moepress.formats.architecture.Architecture.MoeLayers;
import io.moepress.formats.architecture.Architecture.MultiTokenPrediction;
import io.moepress.formats.architecture.Architecture.TensorTemplate;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.tensor.Shape;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// An architecture together with one model's configuration: every formula has its value, and every
/// tensor its name and shape.
public final class ModelLayout {
  private final Architecture architecture;
  private final ModelConfig config;
  private final Map<String, OptionalDouble> dimensions = new HashMap<>();

  private ModelLayout(Architecture architecture, ModelConfig config) {
    this.architecture = architecture;
    this.config = config;
    architecture.dimensions().keySet().forEach(name -> resolve(name, Set.of()));
  }

  /// Binds the architecture that `config` names.
  ///
  /// @throws FormatException for an unknown architecture, or a config that lacks a dimension
  public static ModelLayout of(ModelConfig config) {
    return of(ArchitectureCatalog.of(config), config);
  }

  /// Binds an architecture to a configuration.
  ///
  /// @throws FormatException when the config lacks a dimension or contradicts itself
  public static ModelLayout of(Architecture architecture, ModelConfig config) {
    ModelLayout layout = new ModelLayout(architecture, config);
    for (Dimension dimension : Dimension.values()) {
      layout.dimension(dimension);
    }
    layout.requireOneValue(architecture.countKeys());
    layout.requireOneValue(architecture.topKKeys());
    layout.requireReachableTopK();
    layout.requireFittingGroups();
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

  /// Number of routed experts in each layer that has them.
  public int experts() {
    return dimension(Dimension.EXPERTS);
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
    long every = rule.every() == null ? 1 : positive(rule.every());
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
    return Expression.parse(formula).evaluate(scope(name -> resolve(name, Set.of())));
  }

  /// Whether a formula has a value other than zero.
  public boolean flag(String formula) {
    return number(formula).orElse(0) != 0;
  }

  /// The whole number, at least 1, that a formula of the architecture file has to have.
  ///
  /// @throws FormatException when it has another value, or none
  public int count(String formula) {
    return Math.toIntExact(positive(formula));
  }

  /// Whether a model with this configuration has tensors of `role`.
  public boolean has(TensorRole role) {
    TensorTemplate template = architecture.tensors().get(role);
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

  /// The shape a tensor of `role` must have.
  public Shape shape(TensorRole role) {
    return new Shape(template(role).shape().stream().map(this::positive).toList());
  }

  /// The axis along which a tensor of `role` holds one slice for each expert; -1 when it has none.
  public int expertAxis(TensorRole role) {
    return template(role).shape().indexOf(Dimension.EXPERTS.key());
  }

  /// Every tensor the model may have, with those of a layer together.
  public List<TensorId> tensors() {
    List<TensorRole> roles = architecture.tensors().keySet().stream().filter(this::has).toList();
    List<TensorId> ids = new ArrayList<>();
    for (TensorRole role : roles) {
      if (role.scope() == TensorRole.Scope.MODEL) {
        ids.add(TensorId.ofModel(role));
      }
    }
    for (int layer = 0; layer < layers(); layer++) {
      for (TensorRole role : roles) {
        addLayer(ids, role, layer);
      }
    }
    return ids;
  }

  /// Whether a name is that of a tensor in a layer for multi-token prediction, which is no part of
  /// the main model.
  public boolean isMultiTokenPrediction(String name) {
    MultiTokenPrediction extra = architecture.multiTokenPrediction();
    if (extra == null) {
      return false;
    }
    double count = number("config." + extra.countKey()).orElse(0);
    String numbered = Pattern.quote(extra.prefix()).replace("{layer}", "\\E(\\d{1,9})\\Q");
    Matcher matcher = Pattern.compile(numbered).matcher(name);
    return matcher.lookingAt()
        && Integer.parseInt(matcher.group(1)) >= layers()
        && Integer.parseInt(matcher.group(1)) < layers() + count;
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

  private void addLayer(List<TensorId> ids, TensorRole role, int layer) {
    boolean moe = isMoe(layer);
    switch (role.scope()) {
      case MODEL -> {}
      case LAYER -> ids.add(TensorId.ofLayer(role, layer));
      case MOE_LAYER -> addIf(moe, ids, TensorId.ofLayer(role, layer));
      case DENSE_LAYER -> addIf(!moe, ids, TensorId.ofLayer(role, layer));
      case EXPERT -> {
        for (int expert = 0; moe && expert < experts(); expert++) {
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
    TensorTemplate template = architecture.tensors().get(role);
    if (template == null) {
      throw FormatException.of(
          "architecture %s has no tensor for the role %s", architecture.modelTypes(), role);
    }
    return template;
  }

  private long positive(String formula) {
    OptionalDouble value = number(formula);
    if (value.isEmpty()) {
      throw FormatException.of(
          "config.json: no value for \"%s\" (%s)",
          formula, architecture.dimensions().getOrDefault(formula, "not a dimension"));
    }
    double number = value.getAsDouble();
    Checks.requireFormat(
        number >= 1 && number == Math.rint(number) && number <= Integer.MAX_VALUE,
        "config.json: %s = %s (expected a positive integer)",
        formula,
        number);
    return (long) number;
  }

  private void requireOneValue(List<String> keys) {
    List<String> present = keys.stream().filter(key -> config.value(key).isPresent()).toList();
    long values = present.stream().map(key -> config.value(key).orElseThrow()).distinct().count();
    Checks.requireFormat(
        values <= 1,
        "config.json: %s mean the same and differ. Set them equal to what the tensors hold.",
        present);
  }

  private void requireReachableTopK() {
    Checks.requireFormat(
        topK() <= experts(),
        "config.json: %s: %d experts per token, but only %d experts",
        architecture.topKKeys(),
        topK(),
        experts());
  }

  private void requireFittingGroups() {
    Checks.requireFormat(
        groups().fit(experts(), topK()),
        "config.json: %s: %d experts (expected %s)",
        architecture.countKeys(),
        experts(),
        groups().rule(topK()));
  }

  /// Gives a dimension its value, after those its formula mentions.
  private OptionalDouble resolve(String name, Set<String> dependents) {
    OptionalDouble known = dimensions.get(name);
    if (known != null) {
      return known;
    }
    String formula = architecture.dimensions().get(name);
    Checks.requireFormat(
        formula != null && !dependents.contains(name),
        "architecture %s: dimension \"%s\" %s (known: %s)",
        architecture.modelTypes(),
        name,
        formula == null ? "is not defined" : "depends on itself",
        architecture.dimensions().keySet());
    Set<String> deeper = new HashSet<>(dependents);
    deeper.add(name);
    OptionalDouble value =
        Expression.parse(String.valueOf(formula)).evaluate(scope(part -> resolve(part, deeper)));
    dimensions.put(name, value);
    return value;
  }

  private Expression.Scope scope(Function<String, OptionalDouble> dimension) {
    return new Expression.Scope() {
      @Override
      public OptionalDouble config(String key) {
        return config.value(key).map(node -> numeric(key, node)).orElse(OptionalDouble.empty());
      }

      @Override
      public OptionalDouble dimension(String name) {
        return dimension.apply(name);
      }
    };
  }

  private static OptionalDouble numeric(String key, JsonNode node) {
    if (node.isBoolean()) {
      return OptionalDouble.of(node.asBoolean() ? 1 : 0);
    }
    Checks.requireFormat(
        node.isNumber() && !node.isBigInteger(),
        "config.json: %s = %s (expected a number)",
        key,
        Words.shown(node.toString()));
    return OptionalDouble.of(node.asDouble());
  }
}
