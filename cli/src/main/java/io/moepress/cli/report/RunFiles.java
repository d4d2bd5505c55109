package io.moepress.cli.report;

import io.moepress.formats.Checks;
import io.moepress.formats.json.Json;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceFile;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.PlanArray;
import io.moepress.recipes.plan.PlanStep;
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
/// @param losses by layer, what the codes of the plan cost that were sought by looking at inputs
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
        losses(work, plan),
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

  /// A work directory keeps every search for codes; those count whose codes the plan has.
  private static SortedMap<Integer, Double> losses(Path work, Plan plan) throws IOException {
    SortedMap<Integer, List<String>> planned = plannedCodes(plan);
    SortedMap<Integer, Double> losses = new TreeMap<>();
    for (Path search : planned.isEmpty() ? List.<Path>of() : children(work, "codes-", "")) {
      for (Path file : children(search, "", ".json")) {
        ObjectNode codes = Json.object(file);
        int layer = codes.at("/step/layer").asInt(-1);
        List<String> digests = codes.path("step").findValuesAsString("sha256");
        if (digests.equals(planned.get(layer)) && codes.path("loss").isNumber()) {
          losses.put(layer, codes.get("loss").asDouble());
        }
      }
    }
    return losses;
  }

  /// The digests of codes that were sought by looking at inputs, by layer.
  private static SortedMap<Integer, List<String>> plannedCodes(Plan plan) {
    SortedMap<Integer, List<String>> codes = new TreeMap<>();
    for (Plan part : plan.chain()) {
      for (PlanStep step : part.steps()) {
        if (step instanceof QuantizeWeights weights && !weights.arrays().isEmpty()) {
          codes.put(weights.layer(), weights.arrays().stream().map(PlanArray::sha256).toList());
        }
      }
    }
    return codes;
  }

  private static List<Path> children(Path directory, String start, String end) throws IOException {
    try (Stream<Path> children = Files.list(directory)) {
      return children
          .filter(child -> child.getFileName().toString().startsWith(start))
          .filter(child -> child.getFileName().toString().endsWith(end))
          .sorted()
          .toList();
    }
  }
}
