package io.moepress.recipes.target;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.tensor.TensorInfo;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.IntStream;

/// Rules about names, shapes and types of tensors. Each looks at one contradiction and leaves the
/// others to their own rules.
final class TensorRules {
  private static final int NAMES_SHOWN = 3;

  static final Rule EXPERT_COUNT =
      new Rule(
          "expert-count",
          "layers hold as many experts as `config.json` says",
          Severity.REFUSAL,
          "finds tensors of the wrong size",
          "",
          TensorRules::expertCount);

  static final Rule EXPERT_NUMBERS =
      ofTensors(
          "expert-numbers",
          "experts of a layer are numbered from 0 without a gap",
          "looks for experts that are not there",
          TensorRules::expertNumbers);

  static final Rule EXPERT_TENSORS =
      ofTensors(
          "expert-tensors",
          "every expert has all of its projections",
          "does not load the layer",
          TensorRules::expertTensors);

  static final Rule ROUTER_ROWS =
      ofTensors(
          "router-rows",
          "a router has one row for each expert of its layer",
          "finds a router of the wrong size",
          census -> rows(census, TensorRole.ROUTER));

  static final Rule SELECTION_BIAS =
      ofTensors(
          "selection-bias",
          "a selection bias has one element for each expert of its layer",
          "finds a bias of the wrong size",
          census -> rows(census, TensorRole.SELECTION_BIAS));

  static final Rule MISSING_TENSORS =
      ofTensors(
          "missing-tensors",
          "every other tensor that the family needs is there",
          "may draw it at random and say so only in its log",
          TensorRules::missing);

  static final Rule UNKNOWN_TENSORS =
      ofTensors(
          "unknown-tensors",
          "every tensor has a place in the model",
          "may leave it out and say so only in its log",
          TensorRules::unknown);

  static final Rule TENSOR_SHAPES =
      ofTensors(
          "tensor-shapes",
          "every tensor has the shape that `config.json` gives it",
          "does not load it",
          TensorRules::shapes);

  static final Rule OUTPUT_HEAD =
      ofTensors(
          "output-head",
          "there is an output head, unless the embedding serves as one",
          "may draw it at random and say so only in its log",
          TensorRules::outputHead);

  private TensorRules() {}

  static Rule ofTensors(
      String id, String holds, String otherwise, Function<TensorCensus, List<Violation>> check) {
    return new Rule(
        id,
        holds,
        Severity.REFUSAL,
        otherwise,
        "",
        candidate -> candidate.tensors().map(check).orElse(List.of()));
  }

  /// Silent where layers differ among themselves, or keys of the configuration: those have rules of
  /// their own.
  private static List<Violation> expertCount(Candidate candidate) {
    if (candidate.tensors().isEmpty()
        || candidate.settings().isEmpty()
        || !NumberRules.countKeyOrList(candidate.settings().get()).isEmpty()
        || !NumberRules.countAliases(candidate.settings().get()).isEmpty()) {
      return List.of();
    }
    TensorCensus census = candidate.tensors().get();
    if (census.layout().distinctExperts().size() > 1) {
      return listedCount(census);
    }
    Set<Integer> counts = new TreeSet<>(census.expertsByLayer().values());
    int claimed = census.layout().experts();
    return counts.size() != 1 || counts.contains(claimed)
        ? List.of()
        : List.of(
            Violation.of(
                Checks.text(
                    "config.json says %d experts, the layers hold %s",
                    claimed, counts.iterator().next()),
                "the same number",
                "Set "
                    + String.join(" and ", presentCountKeys(census.layout()))
                    + " to what the layers hold."));
  }

  /// Each layer against its number of the list.
  private static List<Violation> listedCount(TensorCensus census) {
    List<Violation> violations = new ArrayList<>();
    census
        .expertsByLayer()
        .forEach((layer, held) -> {
          int claimed = census.layout().experts(layer);
          if (held != claimed) {
            violations.add(
                Violation.of(
                    Checks.text(
                        "config.json says %d experts in layer %d, which holds %d",
                        claimed, layer, held),
                    "the same number",
                    "Set "
                        + String.join(" and ", presentCountKeys(census.layout()))
                        + " to what the layers hold, in their order."));
          }
        });
    return violations;
  }

  private static List<String> presentCountKeys(ModelLayout layout) {
    return layout.architecture().countKeys().stream()
        .filter(key -> layout.config().value(key).isPresent())
        .toList();
  }

  private static List<Violation> expertNumbers(TensorCensus census) {
    List<Violation> violations = new ArrayList<>();
    census
        .experts()
        .forEach((layer, experts) -> {
          List<Integer> numbers = List.copyOf(experts.keySet());
          if (!numbers.equals(IntStream.range(0, numbers.size()).boxed().toList())) {
            violations.add(
                Violation.of(
                    Checks.text("layer %d has experts %s", layer, numbers),
                    "experts 0 to " + (numbers.size() - 1),
                    "Number them anew, in the order of the router's rows."));
          }
        });
    return violations;
  }

  private static List<Violation> expertTensors(TensorCensus census) {
    List<String> missing = new ArrayList<>();
    census
        .experts()
        .forEach((layer, experts) -> {
          if (census.held(layer) == 0 && census.fused().isEmpty()) {
            missing.add(Checks.text("all experts of layer %d", layer));
          }
          experts.forEach((expert, present) -> {
            for (TensorRole role : census.expertRoles()) {
              if (!present.contains(role)) {
                missing.add(census.layout().name(new TensorId(role, layer, expert)));
              }
            }
          });
        });
    return missing.isEmpty()
        ? List.of()
        : List.of(
            Violation.of(
                "missing: " + some(missing),
                "all projections of every expert",
                "Copy or download the checkpoint again."));
  }

  private static List<Violation> rows(TensorCensus census, TensorRole role) {
    List<Violation> violations = new ArrayList<>();
    census
        .experts()
        .forEach((layer, experts) -> {
          TensorInfo info = census.known().get(TensorId.ofLayer(role, layer));
          int expected = census.layout().expertMap().rows(layer, experts.size());
          if (info != null && !experts.isEmpty() && TensorCensus.rows(info) != expected) {
            violations.add(
                Violation.of(
                    Checks.text("%s has the shape %s", info.name(), info.shape()),
                    Checks.text("%d rows, for the experts of layer %d", expected, layer),
                    "Cut it with the same list as the experts."));
          }
        });
    return violations;
  }

  private static List<Violation> missing(TensorCensus census) {
    List<String> missing = new ArrayList<>();
    for (TensorRole role : census.sharedRoles()) {
      if (role != TensorRole.OUTPUT_HEAD) {
        missing.addAll(census.missing(role));
      }
    }
    return missing.isEmpty()
        ? List.of()
        : List.of(
            Violation.of(
                "missing: " + some(missing),
                "every tensor of the family",
                "Copy or download the checkpoint again."));
  }

  private static List<Violation> unknown(TensorCensus census) {
    return census.unknown().isEmpty()
        ? List.of()
        : List.of(
            Violation.of(
                "no place for " + some(census.unknown()),
                Checks.text(
                    "tensors of %d layers of %s",
                    census.layout().layers(), census.layout().config().modelType()),
                "Remove them, or correct config.json."));
  }

  private static List<Violation> shapes(TensorCensus census) {
    List<Violation> violations = new ArrayList<>();
    for (Map.Entry<TensorId, TensorInfo> entry : census.known().entrySet()) {
      TensorRole role = entry.getKey().role();
      List<Long> found = entry.getValue().shape().dimensions();
      List<Long> expected = census.layout().shape(role).dimensions();
      if (!fits(found, expected, census.layout().expertAxis(role))) {
        violations.add(
            Violation.of(
                Checks.text("%s has the shape %s", entry.getValue().name(), found),
                expected + " by config.json",
                "Correct config.json, or copy the checkpoint again."));
      }
    }
    return violations.subList(0, Math.min(NAMES_SHOWN, violations.size()));
  }

  /// Whether shapes are the same along all axes but that of experts, which has its own rules.
  private static boolean fits(List<Long> found, List<Long> expected, int expertAxis) {
    return found.size() == expected.size()
        && IntStream.range(0, found.size())
            .allMatch(axis -> axis == expertAxis || found.get(axis).equals(expected.get(axis)));
  }

  private static List<Violation> outputHead(TensorCensus census) {
    List<String> missing =
        census.layout().has(TensorRole.OUTPUT_HEAD)
            ? census.missing(TensorRole.OUTPUT_HEAD)
            : List.of();
    return missing.isEmpty()
        ? List.of()
        : List.of(
            Violation.of(
                "no " + missing.getFirst() + ", and tie_word_embeddings is not true",
                "one of the two",
                "Set tie_word_embeddings if the embedding serves as the head."));
  }

  /// The first names, and how many more there are.
  static String some(Collection<String> names) {
    List<String> first = names.stream().limit(NAMES_SHOWN).toList();
    return String.join(", ", first)
        + (names.size() > first.size()
            ? Checks.text(" and %d more", names.size() - first.size())
            : "");
  }

  /// The numbers of experts by layer, for rules of other classes.
  static SortedMap<Integer, Integer> counts(TensorCensus census) {
    return census.expertsByLayer();
  }
}
