package io.moepress.cli.report;

import io.moepress.cli.report.Comparison.Candidate;
import io.moepress.formats.Checks;
import io.moepress.recipes.evaluation.Evaluation;
import io.moepress.recipes.evaluation.GateCheck.Outcome;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/// How good the result is beside the original and other methods, and whether that is good enough.
final class Evaluated implements Section {

  @Override
  public String title() {
    return "Evaluation";
  }

  @Override
  public boolean isIn(RunFiles run) {
    return run.result().isPresent() && run.result().get().evaluation() != null;
  }

  @Override
  public void write(RunFiles run, Html html) {
    RunResult result = run.result().orElseThrow();
    Comparison comparison = result.evaluation();
    if (comparison == null) {
      return;
    }
    gates(html, result.gates());
    List<Candidate> candidates = new ArrayList<>(List.of(comparison.before(), comparison.after()));
    candidates.addAll(comparison.baselines());
    html.open("div", "class", "scroll").open("table", "class", "numbers");
    row(html, "th", "", candidates, Candidate::name);
    row(html, "td", "weights", candidates, it -> Sizes.size(it.size().bytes()));
    Evaluation first = comparison.before().evaluation();
    for (int i = 0; i < first.corpora().size(); i++) {
      int index = i;
      String file = file(first.corpora().get(i).file());
      row(
          html,
          "td",
          "perplexity, " + file,
          candidates,
          it -> Checks.text("%.2f", it.evaluation().corpora().get(index).perplexity()));
    }
    for (int i = 0; i < first.choices().size(); i++) {
      int index = i;
      String file = file(first.choices().get(i).file());
      row(
          html,
          "td",
          "accuracy, " + file,
          candidates,
          it -> Checks.text("%.3f", it.evaluation().choices().get(index).accuracy()));
    }
    row(
        html,
        "td",
        "KL divergence",
        candidates,
        it -> distance(it, Evaluation.Comparison::klDivergence));
    row(
        html,
        "td",
        "top-1 agreement",
        candidates,
        it -> distance(it, Evaluation.Comparison::top1Agreement));
    html.close().close();
  }

  private static void gates(Html html, List<Outcome> gates) {
    if (gates.isEmpty()) {
      return;
    }
    html.open("div", "class", "scroll").open("table", "class", "gates");
    html.row("th", "gate", "found", "limit", "", "texts");
    for (Outcome gate : gates) {
      html.open("tr")
          .element("td", gate.gate())
          .element("td", Checks.text("%.4f", gate.value()))
          .element("td", Checks.text("%.4f", gate.limit()))
          .element(
              "td", gate.passed() ? "passed" : "missed", "class", gate.passed() ? "good" : "bad")
          .element("td", file(gate.file()))
          .close();
    }
    html.close().close();
  }

  private static String file(String path) {
    Path name = Path.of(path).getFileName();
    return name == null ? path : name.toString();
  }

  private static String distance(
      Candidate candidate, Function<Evaluation.Comparison, Double> value) {
    Evaluation.Comparison comparison = candidate.evaluation().comparison();
    return comparison == null ? "–" : Checks.text("%.3f", value.apply(comparison));
  }

  private static void row(
      Html html, String tag, String name, List<Candidate> all, Function<Candidate, String> cell) {
    List<String> cells = new ArrayList<>(List.of(name));
    all.forEach(candidate -> cells.add(cell.apply(candidate)));
    html.row(tag, cells.toArray(String[]::new));
  }
}
