package io.moepress.recipes.target;

import io.moepress.formats.Checks;
import io.moepress.formats.Words;
import io.moepress.formats.architecture.ExpertCounts;
import io.moepress.formats.architecture.ExpertGroups;
import io.moepress.formats.architecture.ExpertMap;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.recipes.target.Candidate.Settings;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Predicate;
import tools.jackson.databind.JsonNode;

/// Rules about numbers of experts: what `config.json` says of them, and which a router can use.
final class NumberRules {
  static final Rule COUNT_KEY =
      ofSettings(
          "count-key",
          "`config.json` gives the number of experts, as one whole number",
          "uses the default of its class",
          NumberRules::countKey);

  static final Rule COUNT_KEY_OR_LIST =
      ofSettings(
          "count-key",
          "`config.json` gives the number of experts, as one whole number, or as a list of one for"
              + " each layer with experts",
          "uses the default of its class",
          NumberRules::countKeyOrList);

  static final Rule COUNT_ALIASES =
      ofSettings(
          "count-aliases",
          "all keys of `config.json` that mean the number of experts have the same value",
          "believes one of them",
          NumberRules::countAliases);

  static final Rule TOP_K =
      new Rule(
          "top-k",
          "a token uses a whole number of experts, at most as many as there are",
          Severity.REFUSAL,
          "fails in the first forward pass",
          "",
          NumberRules::topK);

  static final Rule EXPERT_GROUPS =
      new Rule(
          "expert-groups",
          "experts divide into the groups of the router, which are large enough to choose from",
          Severity.REFUSAL,
          "fails in the first forward pass",
          "",
          NumberRules::expertGroups);

  static final Rule UNIFORM_EXPERTS =
      ofNumbers(
          "uniform-experts",
          "every MoE layer has the same number of experts",
          "has one number for all layers, so that the tensors of some have the wrong size",
          NumberRules::uniformExperts);

  static final Rule EXPERT_MAP =
      new Rule(
          "expert-map",
          "every expert has one router row of its own; `config.json` has no `expert_map`",
          Severity.REFUSAL,
          "takes the rows for those of other experts, or fails to load",
          "",
          NumberRules::ownRows);

  static final Rule EXPERT_MAP_OR_NONE =
      ofSettings(
          "expert-map",
          "`expert_map`, where `config.json` has one, gives each router row of each layer an expert"
              + " that is there",
          "cannot tell which experts a token chose",
          NumberRules::soundMap);

  private NumberRules() {}

  static Rule ofNumbers(
      String id, String holds, String otherwise, Function<ExpertNumbers, List<Violation>> check) {
    return new Rule(
        id,
        holds,
        Severity.REFUSAL,
        otherwise,
        "",
        candidate -> candidate.numbers().map(check).orElse(List.of()));
  }

  private static Rule ofSettings(
      String id, String holds, String otherwise, Function<Settings, List<Violation>> check) {
    return new Rule(
        id,
        holds,
        Severity.REFUSAL,
        otherwise,
        "",
        candidate -> candidate.settings().map(check).orElse(List.of()));
  }

  static List<Violation> countKey(Settings settings) {
    return wholeNumber(
        settings,
        settings.architecture().countKeys(),
        "the number of experts",
        ExpertCounts::isNumber);
  }

  static List<Violation> countKeyOrList(Settings settings) {
    List<Violation> wrong =
        wholeNumber(
            settings,
            settings.architecture().countKeys(),
            "the number of experts",
            node -> ExpertCounts.isNumber(node) || ExpertCounts.isList(node));
    return wrong.isEmpty()
        ? settings.layout().map(layout -> lengths(settings, layout)).orElse(List.of())
        : wrong;
  }

  private static List<Violation> lengths(Settings settings, ModelLayout layout) {
    int layers = layout.moeLayers().size();
    List<Violation> violations = new ArrayList<>();
    for (String key : settings.architecture().countKeys()) {
      Optional<JsonNode> list = settings.config().value(key).filter(JsonNode::isArray);
      if (list.isPresent() && list.get().size() != layers) {
        violations.add(
            Violation.of(
                Checks.text("config.json: %s lists %d numbers", key, list.get().size()),
                Checks.text("one for each of %d layers with experts", layers),
                "Set it to what the layers hold, in their order."));
      }
    }
    return violations;
  }

  static List<Violation> topKKey(Settings settings) {
    return wholeNumber(
        settings,
        settings.architecture().topKKeys(),
        "the experts per token",
        ExpertCounts::isNumber);
  }

  private static List<Violation> wholeNumber(
      Settings settings, List<String> keys, String what, Predicate<JsonNode> accepted) {
    List<String> present =
        keys.stream().filter(key -> settings.config().value(key).isPresent()).toList();
    if (present.isEmpty()) {
      return List.of(
          Violation.of(
              "config.json has no " + String.join(" and no ", keys),
              what,
              "Add the key " + keys.getFirst() + "."));
    }
    return present.stream()
        .filter(key -> !accepted.test(value(settings, key)))
        .map(key ->
            Violation.of(
                "config.json: " + key + " = " + Words.shown(value(settings, key).toString()),
                what + " as one whole number, at least 1",
                "Set it to what holds for every layer."))
        .toList();
  }

  private static JsonNode value(Settings settings, String key) {
    return settings.config().value(key).orElseThrow();
  }

  /// Whether no two of the count keys differ.
  static List<Violation> countAliases(Settings settings) {
    Map<String, JsonNode> values = new TreeMap<>();
    for (String key : settings.architecture().countKeys()) {
      settings
          .config()
          .value(key)
          .filter(node -> ExpertCounts.isNumber(node) || ExpertCounts.isList(node))
          .ifPresent(node -> values.put(key, node));
    }
    return values.values().stream().distinct().count() <= 1
        ? List.of()
        : List.of(
            Violation.of(
                "config.json: " + values,
                "one number of experts under all of these keys",
                "Set them equal to what the tensors hold."));
  }

  private static List<Violation> ownRows(Candidate candidate) {
    boolean mapped =
        candidate.settings().filter(settings -> ExpertMap.isIn(settings.config())).isPresent()
            || candidate.numbers().filter(ExpertNumbers::mapped).isPresent();
    return mapped
        ? List.of(
            Violation.of(
                "several router rows lead to one expert",
                "one row for each",
                "Merge with \"router: dominant\", or use \"target: research\"."))
        : List.of();
  }

  private static List<Violation> soundMap(Settings settings) {
    return settings
        .layout()
        .flatMap(ExpertMap::fault)
        .map(fault ->
            List.of(
                Violation.of(
                    "config.json: " + ExpertMap.KEY + ": " + fault,
                    "for each layer with experts the expert of each router row",
                    "Copy the checkpoint again.")))
        .orElse(List.of());
  }

  private static List<Violation> topK(Candidate candidate) {
    List<Violation> wrong = candidate.settings().map(NumberRules::topKKey).orElse(List.of());
    if (!wrong.isEmpty() || candidate.numbers().isEmpty()) {
      return wrong;
    }
    ExpertNumbers numbers = candidate.numbers().get();
    if (numbers.mapped()) {
      return List.of(); // it chooses from rows, which are more
    }
    OptionalInt fewest = numbers.byLayer().values().stream().mapToInt(Integer::intValue).min();
    return fewest.isEmpty() || numbers.topK() <= fewest.getAsInt()
        ? List.of()
        : List.of(
            Violation.ofCount(
                Checks.text(
                    "%d experts, but every token uses %d", fewest.getAsInt(), numbers.topK()),
                "at least as many",
                fewest.getAsInt()));
  }

  private static List<Violation> expertGroups(Candidate candidate) {
    List<Violation> violations = new ArrayList<>();
    candidate
        .settings()
        .flatMap(Settings::groupsFault)
        .ifPresent(fault ->
            violations.add(
                Violation.of(fault, "groups that a router can use", "Correct config.json.")));
    if (violations.isEmpty()) {
      candidate
          .numbers()
          .filter(numbers -> !numbers.mapped()) // groups are of rows, which are as they were
          .ifPresent(numbers -> violations.addAll(expertGroups(numbers)));
    }
    return violations;
  }

  private static List<Violation> expertGroups(ExpertNumbers numbers) {
    ExpertGroups groups = numbers.groups();
    return numbers.byLayer().values().stream()
        .distinct()
        .filter(count -> groups.count() > 1 && !groups.fit(count, numbers.topK()))
        .map(count -> Violation.ofCount(count + " experts", groups.rule(numbers.topK()), count))
        .toList();
  }

  private static List<Violation> uniformExperts(ExpertNumbers numbers) {
    Map<Integer, List<Integer>> layers = new TreeMap<>();
    numbers
        .byLayer()
        .forEach(
            (layer, count) -> layers.computeIfAbsent(count, c -> new ArrayList<>()).add(layer));
    if (layers.size() <= 1) {
      return List.of();
    }
    List<String> parts = new ArrayList<>();
    layers.forEach((count, where) -> parts.add(count + " experts in layers " + where));
    return List.of(
        Violation.ofCount(String.join(", ", parts), "one number for all layers", numbers.mean()));
  }
}
