package io.moepress.cli.report;

import io.moepress.formats.Checks;
import io.moepress.formats.json.Json;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceFile;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.QuantizeWeights;
import io.moepress.recipes.work.Journal;
import io.moepress.recipes.work.WorkDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import tools.jackson.databind.node.ObjectNode;

/// Everything a work directory holds of a run. Only the plan must be there: a run that was planned
/// and no more can be shown, too.
///
/// @param directory the work directory
/// @param plan the plan of the last step, which knows those before it
/// @param recipe its text
/// @param evidence what each step was planned from, by its index; only where it is still there
/// @param losses by layer, what the codes of the last step that looked for some cost
public record RunFiles(
    Path directory,
    Plan plan,
    Optional<String> recipe,
    SortedMap<Integer, Evidence> evidence,
    SortedMap<Integer, Double> losses,
    Optional<Journal> journal,
    Optional<RunResult> result,
    Optional<RunFacts> facts) {
  public static final String RECIPE = "recipe.yaml";
  public static final String PLAN = "plan.json";

  public RunFiles {
    evidence = Collections.unmodifiableSortedMap(new TreeMap<>(evidence));
    losses = Collections.unmodifiableSortedMap(new TreeMap<>(losses));
  }

  /// Reads a work directory, or the one that belongs to an output.
  ///
  /// @throws io.moepress.formats.FormatException when there is no plan, or a document is damaged
  public static RunFiles read(Path directory) throws IOException {
    Path work = find(directory);
    Plan plan = Plan.read(work.resolve(PLAN));
    Path recipe = work.resolve(RECIPE);
    return new RunFiles(
        work,
        plan,
        Files.isRegularFile(recipe) ? Optional.of(Json.text(recipe)) : Optional.empty(),
        evidence(work, plan),
        hasCodes(plan) ? losses(work) : new TreeMap<>(),
        document(work.resolve(Journal.FILE), Journal.class),
        document(work.resolve(RunResult.FILE), RunResult.class)
            .filter(result -> result.plan().equals(plan.digest())),
        document(work.resolve(RunFacts.FILE), RunFacts.class)
            .filter(facts -> facts.plan().equals(plan.digest())));
  }

  /// The size of what was written, or, before that, of what the plan leaves.
  Plan.Size after() {
    return result.map(RunResult::after).orElse(plan.after());
  }

  /// Whether a plan has codes that were sought by looking at inputs.
  private static boolean hasCodes(Plan plan) {
    return plan.chain().stream()
        .flatMap(part -> part.steps().stream())
        .anyMatch(step -> step instanceof QuantizeWeights && !step.arrays().isEmpty());
  }

  private static Path find(Path directory) {
    for (Path work : List.of(directory, WorkDirectory.beside(directory))) {
      if (Files.isRegularFile(work.resolve(PLAN))) {
        return work;
      }
    }
    Checks.requireFormat(
        false,
        "%s: no %s (expected the work directory of a run, such as out/model.work). See"
            + " \"moepress run --help\".",
        directory,
        PLAN);
    return directory;
  }

  private static <T> Optional<T> document(Path file, Class<T> type) throws IOException {
    return Files.isRegularFile(file) ? Optional.of(Json.read(file, type)) : Optional.empty();
  }

  /// Evidence counts only when a plan says that it was made from it.
  private static SortedMap<Integer, Evidence> evidence(Path work, Plan plan) throws IOException {
    SortedMap<Integer, Evidence> found = new TreeMap<>();
    List<Plan> chain = plan.chain();
    for (int step = 0; step < chain.size(); step++) {
      Path directory = work.resolve(step == 0 ? "evidence" : "evidence-" + (step + 1));
      if (EvidenceFile.isIn(directory)
          && EvidenceFile.digest(directory).equals(chain.get(step).evidence())) {
        found.put(step, EvidenceFile.read(directory));
      }
    }
    return found;
  }

  /// Where codes were sought with several options, nothing says which of them the plan has.
  private static SortedMap<Integer, Double> losses(Path work) throws IOException {
    SortedMap<Integer, Double> losses = new TreeMap<>();
    List<Path> searches;
    try (Stream<Path> children = Files.list(work)) {
      searches =
          children.filter(child -> child.getFileName().toString().startsWith("codes-")).toList();
    }
    if (searches.size() != 1) {
      return losses;
    }
    List<Path> layers;
    try (Stream<Path> children = Files.list(searches.getFirst())) {
      layers = children.filter(child -> child.toString().endsWith(".json")).sorted().toList();
    }
    for (Path file : layers) {
      ObjectNode codes = Json.object(file);
      if (codes.at("/step/layer").isInt() && codes.path("loss").isNumber()) {
        losses.put(codes.at("/step/layer").asInt(), codes.get("loss").asDouble());
      }
    }
    return losses;
  }
}
