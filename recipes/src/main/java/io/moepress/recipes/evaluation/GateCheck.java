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
  /// @param file what was judged; null when it is all texts together, or when there is nothing
  /// @param value what was found; NaN when there is nothing to judge by, which misses the gate
  /// @param limit what the recipe asks for
  /// @param passed whether it is good enough
  public record Outcome(
      String gate, @Nullable String file, double value, double limit, boolean passed) {

    /// One line for people.
    public String text() {
      if (file == null && Double.isNaN(value)) {
        return gate + " missed: nothing to judge by (expected evaluation data of its kind)";
      }
      return Checks.text(
          "%s%s %.4f (%s %.4f)",
          gate, file == null ? "" : " " + file, value, passed ? "within" : "missed:", limit);
    }
  }

  /// Judges. A gate that finds nothing to judge by is missed, never passed over.
  ///
  /// @param before evaluation of the original
  /// @param after evaluation of the result on the same files, compared with the original
  public static List<Outcome> check(Gates gates, Evaluation before, Evaluation after) {
    List<Outcome> outcomes = new ArrayList<>();
    gates.perplexityRatio().ifPresent(limit -> perplexity(limit, before, after, outcomes));
    gates.accuracyDrop().ifPresent(limit -> accuracy(limit, before, after, outcomes));
    Evaluation.Comparison comparison = after.comparison();
    double divergence = comparison == null ? Double.NaN : comparison.klDivergence();
    double agreement = comparison == null ? Double.NaN : comparison.top1Agreement();
    gates.klDivergence().ifPresent(limit -> outcomes.add(divergence(divergence, limit)));
    gates.top1Agreement().ifPresent(limit -> outcomes.add(agreement(agreement, limit)));
    return outcomes;
  }

  private static void perplexity(
      double limit, Evaluation before, Evaluation after, List<Outcome> outcomes) {
    if (after.corpora().isEmpty()) {
      outcomes.add(unjudged("perplexity-ratio", limit));
    }
    for (int i = 0; i < after.corpora().size(); i++) {
      CorpusScore score = after.corpora().get(i);
      double ratio = score.perplexity() / before.corpora().get(i).perplexity();
      outcomes.add(new Outcome("perplexity-ratio", score.file(), ratio, limit, ratio <= limit));
    }
  }

  private static void accuracy(
      double limit, Evaluation before, Evaluation after, List<Outcome> outcomes) {
    if (after.choices().isEmpty()) {
      outcomes.add(unjudged("accuracy-drop", limit));
    }
    for (int i = 0; i < after.choices().size(); i++) {
      ChoiceScore score = after.choices().get(i);
      // By counts, so that a drop of exactly the limit is within it: 0.55 − 0.45 > 0.1 in doubles.
      long lost = before.choices().get(i).correct() - score.correct();
      double drop = (double) lost / score.items();
      outcomes.add(new Outcome("accuracy-drop", score.file(), drop, limit, drop <= limit));
    }
  }

  private static Outcome divergence(double value, double limit) {
    return new Outcome("kl-divergence", null, value, limit, value <= limit);
  }

  private static Outcome agreement(double value, double limit) {
    return new Outcome("top1-agreement", null, value, limit, value >= limit);
  }

  private static Outcome unjudged(String gate, double limit) {
    return new Outcome(gate, null, Double.NaN, limit, false);
  }
}
