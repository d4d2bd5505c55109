package io.moepress.recipes.evaluation;

import io.moepress.formats.Checks;
import io.moepress.recipes.evaluation.Evaluation.ChoiceScore;
import io.moepress.recipes.evaluation.Evaluation.CorpusScore;
import io.moepress.recipes.recipe.Gates;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Holds an evaluation against the gates of a recipe.
public final class GateCheck {
  private GateCheck() {}

  /// The outcome for one gate on one file.
  ///
  /// @param gate the gate's name in recipes
  /// @param file what was judged; null when it is all texts together
  /// @param value what was found
  /// @param limit what the recipe asks for
  /// @param passed whether it is good enough
  public record Outcome(
      String gate, @Nullable String file, double value, double limit, boolean passed) {

    /// One line for people.
    public String text() {
      return Checks.text(
          "%s%s %.4f (%s %.4f)",
          gate, file == null ? "" : " " + file, value, passed ? "within" : "missed:", limit);
    }
  }

  /// Judges.
  ///
  /// @param before evaluation of the original
  /// @param after evaluation of the result on the same files, compared with the original
  public static List<Outcome> check(Gates gates, Evaluation before, Evaluation after) {
    List<Outcome> outcomes = new ArrayList<>();
    gates.perplexityRatio().ifPresent(limit -> perplexity(limit, before, after, outcomes));
    gates.accuracyDrop().ifPresent(limit -> accuracy(limit, before, after, outcomes));
    Evaluation.Comparison comparison = after.comparison();
    if (comparison != null) {
      gates
          .klDivergence()
          .ifPresent(
              limit -> outcomes.add(atMost("kl-divergence", comparison.klDivergence(), limit)));
      gates
          .top1Agreement()
          .ifPresent(
              limit -> outcomes.add(atLeast("top1-agreement", comparison.top1Agreement(), limit)));
    }
    return outcomes;
  }

  private static void perplexity(
      double limit, Evaluation before, Evaluation after, List<Outcome> outcomes) {
    for (int i = 0; i < after.corpora().size(); i++) {
      CorpusScore score = after.corpora().get(i);
      double ratio = score.perplexity() / before.corpora().get(i).perplexity();
      outcomes.add(new Outcome("perplexity-ratio", score.file(), ratio, limit, ratio <= limit));
    }
  }

  private static void accuracy(
      double limit, Evaluation before, Evaluation after, List<Outcome> outcomes) {
    for (int i = 0; i < after.choices().size(); i++) {
      ChoiceScore score = after.choices().get(i);
      double drop = before.choices().get(i).accuracy() - score.accuracy();
      outcomes.add(new Outcome("accuracy-drop", score.file(), drop, limit, drop <= limit));
    }
  }

  private static Outcome atMost(String gate, double value, double limit) {
    return new Outcome(gate, null, value, limit, value <= limit);
  }

  private static Outcome atLeast(String gate, double value, double limit) {
    return new Outcome(gate, null, value, limit, value >= limit);
  }
}
