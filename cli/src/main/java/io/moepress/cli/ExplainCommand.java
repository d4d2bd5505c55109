package io.moepress.cli;

import io.moepress.formats.FormatException;
import io.moepress.formats.Words;
import io.moepress.formats.json.Json;
import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.RetainedReport;
import io.moepress.recipes.recipe.RecipeException;
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
      "Without METHOD: the table of all methods. With the file of a plan: what it does,",
      "and how its clusters of experts came about."
    },
    mixinStandardHelpOptions = true)
final class ExplainCommand implements Callable<Integer> {
  private static final int INDENTATION = 12;
  private static final String EXPERTS =
      "x runs over the tokens X_j routed to expert j; g_j is the weight its output is multiplied"
          + " with; f_j is its output before that; h is the residual stream in front of the MoE"
          + " block.";
  private static final String LINEAR_MAPS =
      "x runs over the n tokens that a linear map W sees; a row i makes one output, a column j"
          + " reads one input.";

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

  private static final String BITS =
      "Expert i of a layer, with b bits for each weight; a method may look at its matrices one by"
          + " one.";

  private static final String GRIDS =
      "Weights of a row that share a scale are a group; its codes are evenly spaced.";

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
    common.terminal().result(plan, PlanText.of(plan) + Dendrograms.text(plan));
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
        methods.needs(name),
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

  private String text(Explanation it) {
    StringBuilder text = new StringBuilder();
    row(text, "method", it.method() + ", for the step " + it.step());
    Reading reading = reading(it);
    row(text, reading.label(), plain(it.score()) + reading.rule());
    row(text, "", reading.letters());
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
          option.key()
              + ": "
              + plain(option.meaning() + ". Takes " + option.takes())
              + ". Default: "
              + option.defaultValue()
              + ".");
    }
    return text.append("\nsteps:\n  ").append(it.example()).append('\n').toString();
  }

  /// How the formulas of methods for a kind of step are read.
  ///
  /// @param label what such a formula says
  /// @param rule what becomes of what it is a formula of
  /// @param letters what stands for what
  private record Reading(String label, String rule, String letters) {}

  private Reading reading(Explanation it) {
    return switch (it.step()) {
      case Methods.PRUNE -> new Reading("score", ". The experts with the highest stay.", EXPERTS);
      case Methods.MERGE -> new Reading("merges", ".", EXPERTS);
      case Methods.SPARSIFY ->
          new Reading("score", ". The weights with the lowest become zero.", LINEAR_MAPS);
      case Methods.QUANTIZE ->
          methods.bitNames().contains(it.method())
              ? new Reading("cost", ". Bits go where they save most.", BITS)
              : new Reading("codes", ".", GRIDS);
      default -> throw new IllegalStateException("no reading of step " + it.step());
    };
  }

  private static void row(StringBuilder text, String name, String value) {
    text.append(Wrapped.text(name, value, INDENTATION));
  }

  private static String plain(String markdown) {
    return markdown.replace("`", "");
  }
}
