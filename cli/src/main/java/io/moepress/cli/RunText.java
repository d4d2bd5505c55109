package io.moepress.cli;

import io.moepress.cli.report.Comparison;
import io.moepress.cli.report.Comparison.Candidate;
import io.moepress.cli.report.RunResult;
import io.moepress.formats.Checks;
import io.moepress.recipes.evaluation.Evaluation;
import io.moepress.recipes.evaluation.GateCheck.Outcome;
import io.moepress.recipes.recipe.ByteSize;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/// The result of a run as people read it: one column for the original, one for the result, one for
/// each baseline.
final class RunText {
  private RunText() {}

  /// The text.
  ///
  /// @param names what to call the files that were evaluated
  static String of(RunResult result, List<Outcome> gates, Map<String, String> names) {
    Comparison comparison = result.evaluation();
    if (comparison == null) {
      List<Candidate> sizes =
          List.of(
              new Candidate("original", result.before(), nothing()),
              new Candidate("result", result.after(), nothing()));
      return table(sizes, names).text();
    }
    List<Candidate> candidates = new ArrayList<>();
    candidates.add(comparison.before());
    candidates.add(comparison.after());
    candidates.addAll(comparison.baselines());
    StringBuilder text = new StringBuilder(table(candidates, names).text());
    gates.forEach(gate -> text.append("gate: ").append(gate.text()).append('\n'));
    return text.toString();
  }

  private static Evaluation nothing() {
    return new Evaluation(List.of(), List.of(), null);
  }

  private static Table table(List<Candidate> candidates, Map<String, String> names) {
    Table table = Table.ofNumbers();
    row(table, "", candidates, Candidate::name);
    row(table, "experts in a layer", candidates, c -> c.size().expertsText());
    row(table, "parameters", candidates, c -> Checks.text("%,d", c.size().parameters()));
    row(table, "size", candidates, c -> new ByteSize(c.size().bytes()).rounded());
    Evaluation first = candidates.getFirst().evaluation();
    for (int i = 0; i < first.corpora().size(); i++) {
      int index = i;
      row(
          table,
          "perplexity, " + names.get(first.corpora().get(i).file()),
          candidates,
          c -> Checks.text("%.2f", c.evaluation().corpora().get(index).perplexity()));
    }
    for (int i = 0; i < first.choices().size(); i++) {
      int index = i;
      row(
          table,
          "accuracy, " + names.get(first.choices().get(i).file()),
          candidates,
          c -> Checks.text("%.3f", c.evaluation().choices().get(index).accuracy()));
    }
    distances(table, candidates);
    return table;
  }

  private static void distances(Table table, List<Candidate> candidates) {
    if (candidates.stream().allMatch(c -> c.evaluation().comparison() == null)) {
      return;
    }
    row(table, "KL divergence", candidates, c -> distance(c, Evaluation.Comparison::klDivergence));
    row(
        table,
        "top-1 agreement",
        candidates,
        c -> distance(c, Evaluation.Comparison::top1Agreement));
  }

  private static String distance(
      Candidate candidate, Function<Evaluation.Comparison, Double> value) {
    Evaluation.Comparison comparison = candidate.evaluation().comparison();
    return comparison == null ? "" : Checks.text("%.3f", value.apply(comparison));
  }

  private static void row(
      Table table, String name, List<Candidate> candidates, Function<Candidate, String> cell) {
    List<String> cells = new ArrayList<>();
    cells.add(name);
    candidates.forEach(candidate -> cells.add(cell.apply(candidate)));
    table.row(cells);
  }
}
