package io.moepress.recipes.card;

import io.moepress.formats.Checks;
import io.moepress.recipes.evaluation.Evaluation;
import io.moepress.recipes.evaluation.GateCheck.Outcome;
import java.nio.file.Path;
import java.util.List;

/// How good the model is, for its card.
///
/// @param before the original
/// @param after the result on the same files
/// @param gates what was demanded
public record CardScores(Evaluation before, Evaluation after, List<Outcome> gates) {
  public CardScores {
    gates = List.copyOf(gates);
  }

  String markdown() {
    StringBuilder text =
        new StringBuilder("\n## Evaluation\n\n| | original | this model |\n|---|---|---|\n");
    for (int i = 0; i < after.corpora().size(); i++) {
      row(
          text,
          "perplexity, " + name(after.corpora().get(i).file()),
          Checks.text("%.2f", before.corpora().get(i).perplexity()),
          Checks.text("%.2f", after.corpora().get(i).perplexity()));
    }
    for (int i = 0; i < after.choices().size(); i++) {
      row(
          text,
          "accuracy, " + name(after.choices().get(i).file()),
          Checks.text("%.3f", before.choices().get(i).accuracy()),
          Checks.text("%.3f", after.choices().get(i).accuracy()));
    }
    Evaluation.Comparison distance = after.comparison();
    if (distance != null) {
      row(text, "KL divergence", "", Checks.text("%.3f", distance.klDivergence()));
      row(text, "top-1 agreement", "", Checks.text("%.3f", distance.top1Agreement()));
    }
    if (!gates.isEmpty()) {
      text.append('\n');
    }
    for (Outcome gate : gates) {
      text.append(
          Checks.text(
              "- %s, %s: %.4f, limit %.4f: %s\n",
              gate.gate(),
              name(gate.file()),
              gate.value(),
              gate.limit(),
              gate.passed() ? "passed" : "missed"));
    }
    return text.toString();
  }

  private static void row(StringBuilder text, String name, String original, String result) {
    text.append("| " + name + " | " + original + " | " + result + " |\n");
  }

  private static String name(String file) {
    Path name = Path.of(file).getFileName();
    return Markdown.plain(name == null ? file : name.toString());
  }
}
