package io.moepress.cli;

import io.moepress.formats.FormatException;
import io.moepress.formats.Words;
import io.moepress.formats.json.Json;
import io.moepress.recipes.evidence.LinearStatistic;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.RetainedReport;
import io.moepress.recipes.plan.SparsityOptions;
import io.moepress.recipes.plan.ZeroPattern;
import io.moepress.recipes.recipe.RecipeException;
import io.moepress.recipes.recipe.SparsifyStep;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `moepress explain`.
@Command(
    name = "explain",
    description = {
      "Explains a method: formula, source, what it needs, options, an example.",
      "Without METHOD: the table of all methods. With the file of a plan: what it does."
    },
    mixinStandardHelpOptions = true)
final class ExplainCommand implements Callable<Integer> {
  private static final int INDENTATION = 12;

  @Mixin private CommonOptions common = new CommonOptions();

  @Parameters(
      arity = "0..1",
      paramLabel = "METHOD",
      completionCandidates = MethodNames.class,
      description = "One of: ${COMPLETION-CANDIDATES}. Or a plan file.")
  private @Nullable String method;

  @Option(
      names = "--retained-experts",
      paramLabel = "FILE",
      description = "With a plan file: writes the experts that stay, by layer, for other tools.")
  private @Nullable Path report;

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
      List<MethodDescription.Option> options,
      String example) {}

  /// All methods.
  record Overview(List<Explanation> methods) {}

  @Override
  public Integer call() throws IOException {
    boolean isMethod = method != null && methods.description(method).isPresent();
    if (method != null && !isMethod && Files.isRegularFile(Path.of(method))) {
      return explainPlan(Path.of(method));
    }
    if (report != null) {
      throw new RecipeException("--retained-experts: no plan (expected the file of a plan)");
    }
    if (method == null) {
      List<Explanation> all = methods.names().stream().map(this::explain).toList();
      common.terminal().result(new Overview(all), table(all));
    } else {
      Explanation explanation = explain(method);
      common.terminal().result(explanation, text(explanation));
    }
    return ExitCode.DONE;
  }

  private int explainPlan(Path file) throws IOException {
    Plan plan = Plan.read(file);
    if (report != null) {
      if (Files.exists(report)) {
        throw FormatException.of("%s: the file exists. Choose another name.", report);
      }
      Json.write(report, RetainedReport.of(plan));
      common.terminal().say("written: " + report);
    }
    common.terminal().result(plan, PlanText.of(plan));
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
        isSparsity(name) ? "sparsify" : "prune",
        it.score(),
        it.advice(),
        it.source(),
        it.reference(),
        needs(name),
        it.options(),
        it.example());
  }

  private boolean isSparsity(String name) {
    return methods.sparsityNames().contains(name);
  }

  private List<String> needs(String name) {
    if (!isSparsity(name)) {
      return methods.example(name).needs().stream().map(Statistic::label).sorted().toList();
    }
    SparsifyStep step =
        new SparsifyStep(
            methods.sparsityExample(name), ZeroPattern.parse("50%"), SparsityOptions.DEFAULT);
    List<String> needs = new ArrayList<>(Statistic.labels(step.needs()));
    needs.addAll(LinearStatistic.labels(step.linears()));
    return needs.stream().sorted().toList();
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
    boolean prunes = it.step().equals("prune");
    String rule =
        prunes
            ? ". The experts with the highest stay."
            : ". The weights with the lowest become zero.";
    row(text, "score", plain(it.score()) + rule);
    row(
        text,
        "",
        prunes
            ? "x runs over the tokens X_j routed to expert j; g_j is the weight its output is"
                + " multiplied with; f_j is its output before that; h is the residual stream in front"
                + " of the MoE block."
            : "x runs over the n tokens that a linear map W sees; a row i makes one output, a column j"
                + " reads one input.");
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
    for (MethodDescription.Option option : it.options()) {
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
