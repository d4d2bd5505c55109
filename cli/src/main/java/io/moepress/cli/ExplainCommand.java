package io.moepress.cli;

import io.moepress.formats.Words;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.MethodDescription.Option;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.recipe.RecipeException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/// `moepress explain`.
@Command(
    name = "explain",
    description = {
      "Explains a method: formula, source, what it needs, options, an example.",
      "Or a plan: what it does, and how its clusters of experts came about.",
      "Without METHOD: the table of all methods."
    },
    mixinStandardHelpOptions = true)
final class ExplainCommand implements Callable<Integer> {
  private static final int INDENTATION = 12;

  @Mixin private CommonOptions common = new CommonOptions();

  @Parameters(
      arity = "0..1",
      paramLabel = "METHOD",
      completionCandidates = MethodNames.class,
      description = "One of: ${COMPLETION-CANDIDATES}; or the file of a plan (.json).")
  private @Nullable String method;

  private final Methods methods = new Methods();

  /// The names of methods, for completion.
  static final class MethodNames extends ArrayList<String> {
    private static final long serialVersionUID = 1L;

    MethodNames() {
      super(new Methods().names());
    }
  }

  /// A method as a program reads it.
  record Explanation(
      String method,
      String step,
      String score,
      String advice,
      String source,
      String reference,
      List<String> needs,
      List<Option> options,
      String example) {}

  /// All methods.
  record Overview(List<Explanation> methods) {}

  @Override
  public Integer call() throws IOException {
    if (method != null && method.endsWith(".json")) {
      Plan plan = Plan.read(Path.of(method));
      common.terminal().result(plan, PlanText.of(plan) + Dendrograms.text(plan));
    } else if (method == null) {
      List<Explanation> all = methods.names().stream().map(this::explain).toList();
      common.terminal().result(new Overview(all), table(all));
    } else {
      Explanation explanation = explain(method);
      common.terminal().result(explanation, text(explanation));
    }
    return ExitCode.DONE;
  }

  private Explanation explain(String name) {
    MethodDescription it =
        methods
            .description(name)
            .orElseThrow(() ->
                new RecipeException(
                    "unknown method "
                        + Words.quoted(name)
                        + " (expected one of: "
                        + String.join(", ", methods.names())
                        + ")"
                        + Words.didYouMean(name, methods.names())));
    return new Explanation(
        it.name(),
        methods.step(name),
        it.score(),
        it.advice(),
        it.source(),
        it.reference(),
        methods.needs(name).stream().map(Statistic::label).sorted().toList(),
        it.options(),
        it.example());
  }

  private static String table(List<Explanation> all) {
    Table table = Table.ofFacts().row("method", "step", "calibration", "source");
    for (Explanation it : all) {
      table.row(it.method(), it.step(), it.needs().isEmpty() ? "no" : "yes", paper(it.source()));
    }
    return table.text() + "\nmoepress explain METHOD says more about one.\n";
  }

  /// The source as far as a narrow table has room for it.
  private static String paper(String source) {
    int end = source.indexOf(';');
    return end < 0 ? source : source.substring(0, end);
  }

  private static String text(Explanation it) {
    StringBuilder text = new StringBuilder();
    row(text, "method", it.method() + ", for the step " + it.step());
    boolean drops = it.step().equals("prune");
    row(
        text,
        drops ? "score" : "merges",
        plain(it.score()) + (drops ? ". The experts with the highest stay." : "."));
    row(
        text,
        "",
        "x runs over the tokens X_j routed to expert j; g_j is the weight its output is multiplied"
            + " with; f_j is its output before that; h is the residual stream in front of the MoE"
            + " block.");
    row(text, "advice", it.advice());
    row(text, "source", plain(it.source()));
    if (!it.reference().isEmpty()) {
      row(text, "reference", it.reference());
    }
    row(
        text,
        "needs",
        it.needs().isEmpty()
            ? "nothing: no calibration"
            : "calibration, with " + String.join(", ", it.needs()));
    if (it.options().isEmpty()) {
      row(text, "options", "none of its own");
    }
    for (Option option : it.options()) {
      row(
          text,
          "options",
          option.key() + ": " + option.meaning() + ". Default: " + option.defaultValue() + ".");
    }
    return text.append("\nsteps:\n  ").append(it.example()).append('\n').toString();
  }

  private static void row(StringBuilder text, String name, String value) {
    text.append(Wrapped.text(name, value, INDENTATION));
  }

  private static String plain(String markdown) {
    return markdown.replace("`", "");
  }
}
