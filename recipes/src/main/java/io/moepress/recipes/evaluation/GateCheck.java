package io.moepress.recipes.evaluation;

import io.moepress.formats.Checks;
import io.moepress.recipes.evaluation.Evaluation.ChoiceScore;
import io.moepress.recipes.evaluation.Evaluation.Comparison;
import io.moepress.recipes.evaluation.Evaluation.CorpusScore;
import io.moepress.recipes.recipe.DataSource;
import io.moepress.recipes.recipe.EvaluationSpec;
import io.moepress.recipes.recipe.Gates;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.stream.Collectors;

/// Holds an evaluation against the gates of a recipe, file by file.
public final class GateCheck {
  /// What stands for the file where a gate found none.
  private static final String NO_FILE = "no file of its kind";

  private final Gates gates;
  private final Set<String> judged;
  private final List<Outcome> outcomes = new ArrayList<>();

  private GateCheck(EvaluationSpec spec) {
    this.gates = spec.gates();
    this.judged =
        spec.data().stream()
            .filter(source -> gates.data().isEmpty() || gates.data().contains(source.name()))
            .map(DataSource::file)
            .map(String::valueOf)
            .collect(Collectors.toSet());
  }

  /// The outcome for one gate on one file.
  ///
  /// @param gate the gate's name in recipes
  /// @param file what was judged
  /// @param value what was found; NaN where there was nothing to judge, which misses the gate
  /// @param limit what the recipe asks for
  /// @param passed whether it is good enough
  public record Outcome(String gate, String file, double value, double limit, boolean passed) {

    /// One line for people.
    public String text() {
      return Checks.text(
          "%s: %s = %.4f, limit %.4f: %s", file, gate, value, limit, passed ? "passed" : "missed");
    }
  }

  /// Judges. A gate that finds nothing to judge is missed, never passed over.
  ///
  /// @param before evaluation of the original
  /// @param after evaluation of the result on the same files, compared with the original
  public static List<Outcome> check(EvaluationSpec spec, Evaluation before, Evaluation after) {
    GateCheck check = new GateCheck(spec);
    for (int i = 0; i < after.corpora().size(); i++) {
      check.judge(before.corpora().get(i), after.corpora().get(i));
    }
    for (int i = 0; i < after.choices().size(); i++) {
      check.judge(before.choices().get(i), after.choices().get(i));
    }
    check.missUnjudged("perplexity-ratio", check.gates.perplexityRatio());
    check.missUnjudged("kl-divergence", check.gates.klDivergence());
    check.missUnjudged("top1-agreement", check.gates.top1Agreement());
    check.missUnjudged("accuracy-drop", check.gates.accuracyDrop());
    return check.outcomes;
  }

  private void missUnjudged(String gate, OptionalDouble limit) {
    if (limit.isPresent() && outcomes.stream().noneMatch(o -> o.gate().equals(gate))) {
      outcomes.add(new Outcome(gate, NO_FILE, Double.NaN, limit.getAsDouble(), false));
    }
  }

  private void judge(CorpusScore before, CorpusScore after) {
    if (!judged.contains(after.file())) {
      return;
    }
    double ratio = after.perplexity() / before.perplexity();
    gates
        .perplexityRatio()
        .ifPresent(limit -> atMost("perplexity-ratio", after.file(), ratio, limit));
    Comparison comparison = after.comparison();
    if (comparison == null) {
      return;
    }
    gates
        .klDivergence()
        .ifPresent(
            limit -> atMost("kl-divergence", after.file(), comparison.klDivergence(), limit));
    gates
        .top1Agreement()
        .ifPresent(
            limit -> atLeast("top1-agreement", after.file(), comparison.top1Agreement(), limit));
  }

  private void judge(ChoiceScore before, ChoiceScore after) {
    if (judged.contains(after.file())) {
      // By counts, so that a drop of exactly the limit is within it: 0.55 − 0.45 > 0.1 in doubles.
      double drop = (double) (before.correct() - after.correct()) / after.items();
      gates.accuracyDrop().ifPresent(limit -> atMost("accuracy-drop", after.file(), drop, limit));
    }
  }

  private void atMost(String gate, String file, double value, double limit) {
    outcomes.add(new Outcome(gate, file, value, limit, value <= limit));
  }

  private void atLeast(String gate, String file, double value, double limit) {
    outcomes.add(new Outcome(gate, file, value, limit, value >= limit));
  }
}
