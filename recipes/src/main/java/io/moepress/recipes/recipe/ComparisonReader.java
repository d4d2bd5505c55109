package io.moepress.recipes.recipe;

import io.moepress.formats.Words;
import io.moepress.recipes.recipe.YamlNode.Entries;
import io.moepress.recipes.recipe.YamlNode.Items;
import io.moepress.recipes.recipe.YamlNode.Scalar;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/// Reads what a recipe compares.
///
/// ```yaml
/// compare:
///   keep: [75%, 50%]            # or experts: [24, 16]
///   candidates:
///     - prune: {method: easy-ep}
///     - name: first the idle ones
///       steps:
///         - prune: {method: frequency, experts: 28}
///         - prune: {method: reap}
///   random: 3                   # default
/// ```
///
/// A step without a budget gets each of those listed in turn, as if it were written there; a
/// candidate all of whose steps have their own is evaluated once.
final class ComparisonReader {
  private static final int DEFAULT_DRAWS = 3;
  private static final String RANDOM = "random";
  private static final String PRUNE = "prune";

  private final StepReader reader;
  private final YamlNode section;
  private final Optional<Axis> axis;

  private ComparisonReader(StepReader reader, YamlNode section) {
    this.reader = reader;
    this.section = section;
    this.axis = axis(section);
  }

  static ComparisonSpec read(StepReader reader, YamlNode section) {
    return new ComparisonReader(reader, section).read();
  }

  /// What varies.
  ///
  /// @param key of a step
  /// @param values of it
  private record Axis(String key, List<YamlNode> values) {}

  /// A candidate as it is written.
  ///
  /// @param name empty when it has none of its own
  private record Candidate(YamlNode place, String name, List<YamlNode> steps) {}

  private static Optional<Axis> axis(YamlNode section) {
    List<Axis> found = new ArrayList<>();
    for (String key : StepReader.budgetKeys()) {
      Optional<YamlNode> values = section.optional(key);
      if (values.isPresent()) {
        found.add(new Axis(key, RecipeReader.nonEmpty(values.get(), "budget")));
      }
    }
    if (found.size() > 1) {
      throw section.error(
          "both "
              + found.stream().map(Axis::key).collect(Collectors.joining(" and "))
              + " (expected one of them). Remove one");
    }
    return found.stream().findFirst();
  }

  private ComparisonSpec read() {
    List<YamlNode> items =
        RecipeReader.nonEmpty(section.required("candidates", "a list of steps"), "candidate");
    int draws = section.optional(RANDOM).map(count -> count.atLeast(0)).orElse(DEFAULT_DRAWS);
    section.finishKeys(); // a mistyped "keep" is to be called that, not a missing budget
    List<Candidate> candidates = items.stream().map(ComparisonReader::candidate).toList();
    List<String> names = names(candidates, draws);
    List<Contender> contenders = new ArrayList<>();
    for (int i = 0; i < candidates.size(); i++) {
      add(candidates.get(i), names.get(i), contenders);
    }
    addLots(draws, contenders);
    return section.checked(() -> new ComparisonSpec(contenders));
  }

  private static Candidate candidate(YamlNode item) {
    if (!item.keys().contains("steps") && !item.keys().contains("name")) {
      return new Candidate(item, "", List.of(item));
    }
    String name = item.optional("name").map(YamlNode::text).orElse("");
    YamlNode steps = item.required("steps", "a list of steps");
    return new Candidate(item, name, RecipeReader.nonEmpty(steps, "step"));
  }

  private void add(Candidate candidate, String name, List<Contender> contenders) {
    boolean varies = candidate.steps().stream().anyMatch(this::isOpen);
    if (axis.isEmpty() || !varies) {
      contenders.add(contender(candidate, name, "", ""));
      return;
    }
    for (YamlNode value : axis.get().values()) {
      List<YamlNode> filled = candidate.steps().stream().map(step -> filled(step, value)).toList();
      Candidate complete = new Candidate(candidate.place(), name, filled);
      contenders.add(contender(complete, name, written(value), ""));
    }
  }

  private Contender contender(Candidate candidate, String name, String setting, String draw) {
    List<RecipeStep> steps = candidate.steps().stream().map(reader::step).toList();
    return new Contender(name, setting, budget(candidate.steps()), draw, steps);
  }

  /// Whether the budget of a step is left to the comparison.
  private boolean isOpen(YamlNode step) {
    return axis.isPresent()
        && options(step).isPresent()
        && StepReader.budgetKeys(kind(step)).contains(axis.get().key())
        && Collections.disjoint(options(step).get().keySet(), StepReader.budgetKeys(kind(step)));
  }

  private YamlNode filled(YamlNode step, YamlNode value) {
    if (!isOpen(step)) {
      return step;
    }
    String kind = kind(step);
    YamlNode options = step.required(kind, "a step");
    return step.with(kind, options.with(axis.orElseThrow().key(), value));
  }

  /// Drawing lots is the floor: whatever is worse has learnt nothing from the texts.
  private void addLots(int draws, List<Contender> contenders) {
    if (axis.isEmpty() || !StepReader.budgetKeys(PRUNE).contains(axis.get().key())) {
      return;
    }
    for (YamlNode value : axis.get().values()) {
      for (int draw = 0; draw < draws; draw++) {
        long seed = reader.seed() + draw;
        String text = "prune: {method: " + RANDOM + ", seed: " + seed + "}";
        YamlNode step = YamlNode.parse(Path.of(RANDOM), text.getBytes(StandardCharsets.UTF_8));
        Candidate lots = new Candidate(section, RANDOM, List.of(filled(step, value)));
        contenders.add(contender(lots, RANDOM, written(value), "seed " + seed));
      }
    }
  }

  /// Candidates are called after their methods; where that does not tell two apart, after their
  /// options, too.
  private static List<String> names(List<Candidate> candidates, int draws) {
    List<String> brief = candidates.stream().map(it -> name(it, false)).toList();
    Set<String> taken = new HashSet<>();
    if (draws > 0) {
      taken.add(RANDOM);
    }
    List<String> names = new ArrayList<>();
    for (int i = 0; i < candidates.size(); i++) {
      boolean shared = Collections.frequency(brief, brief.get(i)) > 1;
      String name = shared ? name(candidates.get(i), true) : brief.get(i);
      if (!taken.add(name)) {
        throw candidates
            .get(i)
            .place()
            .error(
                name.equals(RANDOM)
                    ? "a second \"random\" (it is drawn in any case). Remove it, or say random: 0"
                    : "a second candidate called "
                        + Words.quoted(name)
                        + " (expected different names). Write {name: ..., steps: [...]}");
      }
      names.add(name);
    }
    return names;
  }

  private static String name(Candidate candidate, boolean withOptions) {
    if (!candidate.name().isEmpty()) {
      return candidate.name();
    }
    return candidate.steps().stream()
        .map(step -> withOptions ? method(step) + optionsText(step) : method(step))
        .collect(Collectors.joining(" + "));
  }

  private static String method(YamlNode step) {
    return options(step)
        .map(nodes -> nodes.get("method"))
        .map(ComparisonReader::written)
        .orElseGet(() -> kind(step));
  }

  /// What a step says beside its method and its budget.
  private static String optionsText(YamlNode step) {
    String text =
        options(step).orElse(Map.of()).entrySet().stream()
            .filter(option -> !option.getKey().equals("method"))
            .filter(option -> !StepReader.budgetKeys(kind(step)).contains(option.getKey()))
            .map(option -> option.getKey() + " " + written(option.getValue()))
            .collect(Collectors.joining(", "));
    return text.isEmpty() ? "" : " (" + text + ")";
  }

  /// The budgets of steps, as they are written.
  private static String budget(List<YamlNode> steps) {
    return steps.stream()
        .flatMap(step ->
            options(step).orElse(Map.of()).entrySet().stream()
                .filter(option -> StepReader.budgetKeys(kind(step)).contains(option.getKey()))
                .map(option -> written(option.getValue())))
        .collect(Collectors.joining(" + "));
  }

  private static String written(YamlNode node) {
    return switch (node.content()) {
      case Scalar scalar -> Words.shown(scalar.value());
      case Items items ->
          items.nodes().stream().map(ComparisonReader::written).collect(Collectors.joining(" "));
      case Entries entries ->
          entries.nodes().entrySet().stream()
              .map(entry -> entry.getKey() + " " + written(entry.getValue()))
              .collect(Collectors.joining(" "));
    };
  }

  private static String kind(YamlNode step) {
    return step.keys().isEmpty() ? "" : step.keys().getFirst();
  }

  /// The options of a step, unless it is malformed, which its reader will say.
  private static Optional<Map<String, YamlNode>> options(YamlNode step) {
    if (!(step.content() instanceof Entries entries)) {
      return Optional.empty();
    }
    return Optional.ofNullable(entries.nodes().get(kind(step)))
        .map(YamlNode::content)
        .filter(Entries.class::isInstance)
        .map(Entries.class::cast)
        .map(Entries::nodes);
  }
}
