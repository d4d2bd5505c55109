package io.moepress.cli;

import io.moepress.formats.FormatException;
import io.moepress.formats.json.Json;
import io.moepress.recipes.recipe.RecipeSchema;
import io.moepress.recipes.target.Target;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `moepress recipe`.
@Command(
    name = "recipe",
    description = "Helps with writing recipes.",
    mixinStandardHelpOptions = true,
    subcommands = {
      RecipeCommand.Schema.class,
      RecipeCommand.Check.class,
      RecipeCommand.New.class,
      RecipeCommand.Keys.class
    })
final class RecipeCommand {

  /// Where a text goes.
  static final class TextOutput {
    @Option(
        names = {"-o", "--output"},
        paramLabel = "FILE",
        description = "Write to this file instead of standard output.")
    private @Nullable Path output;

    @Option(names = "--overwrite", description = "Replace a file that is there.")
    private boolean overwrite;

    /// What was written.
    record Written(String output) {}

    void write(Terminal terminal, Object document, String text) throws IOException {
      if (output == null) {
        terminal.result(document, text);
        return;
      }
      if (!overwrite && Files.exists(output)) {
        throw FormatException.of(
            "%s: the file exists. Choose another name, or add --overwrite.", output);
      }
      Path parent = output.toAbsolutePath().getParent();
      if (parent != null) {
        Files.createDirectories(parent);
      }
      Files.writeString(output, text);
      terminal.result(new Written(output.toString()), "written: " + output + "\n");
    }
  }

  /// `moepress recipe schema`.
  @Command(
      name = "schema",
      description = {
        "Prints the JSON Schema of recipes, by which editors complete and check.",
        "VS Code: \"yaml.schemas\": {\"recipe.schema.json\": [\"recipes/*.yaml\"]} in its settings."
      },
      mixinStandardHelpOptions = true)
  static final class Schema implements Callable<Integer> {
    @Mixin private CommonOptions common = new CommonOptions();
    @Mixin private TextOutput output = new TextOutput();

    @Override
    public Integer call() throws IOException {
      String schema = RecipeSchema.text();
      output.write(common.terminal(), Json.object(schema, "schema"), schema);
      return ExitCode.DONE;
    }
  }

  /// `moepress recipe reference`.
  @Command(
      name = "reference",
      description = {
        "Prints all keys of recipes and all options of methods, as tables in Markdown:",
        "what each takes, what it means, and what holds without it."
      },
      mixinStandardHelpOptions = true)
  static final class Keys implements Callable<Integer> {
    @Mixin private CommonOptions common = new CommonOptions();
    @Mixin private TextOutput output = new TextOutput();

    @Override
    public Integer call() throws IOException {
      Reference reference = Reference.of(new Methods()).withoutLinks();
      output.write(common.terminal(), reference, reference.text());
      return ExitCode.DONE;
    }
  }

  /// `moepress recipe check`.
  @Command(
      name = "check",
      description = {
        "Finds all mistakes of recipes: keys and values with their lines, files that are not there,",
        "budgets, protected experts and rules of the target, by the headers of the model.",
        "Nothing is measured and nothing written. Exit code 2 when there is a mistake."
      },
      mixinStandardHelpOptions = true)
  static final class Check implements Callable<Integer> {
    @Mixin private CommonOptions common = new CommonOptions();

    @Parameters(arity = "1..*", paramLabel = "RECIPE", description = "Recipe files (YAML).")
    private List<Path> recipes = List.of();

    /// What was found.
    record Checked(boolean passed, List<RecipeCheck.Report> recipes) {}

    @Override
    public Integer call() throws IOException {
      List<RecipeCheck.Report> reports = new ArrayList<>();
      StringBuilder text = new StringBuilder();
      for (Path recipe : recipes) {
        RecipeCheck.Report report = RecipeCheck.check(recipe, new Methods());
        reports.add(report);
        report.problems().forEach(problem -> text.append(problem).append('\n'));
        report.warnings().forEach(warning -> text.append(warning).append('\n'));
        text.append(recipe).append(": ").append(verdict(report)).append('\n');
      }
      boolean passed = reports.stream().allMatch(report -> report.problems().isEmpty());
      common.terminal().result(new Checked(passed, reports), text.toString());
      return passed ? ExitCode.DONE : ExitCode.USAGE;
    }

    private static String verdict(RecipeCheck.Report report) {
      int problems = report.problems().size();
      return switch (problems) {
        case 0 -> "ok";
        case 1 -> "1 problem";
        default -> problems + " problems";
      };
    }
  }

  /// `moepress recipe new`.
  @Command(
      name = "new",
      description = "Prints a recipe to start with, in which every key is explained.",
      mixinStandardHelpOptions = true)
  static final class New implements Callable<Integer> {
    @Mixin private CommonOptions common = new CommonOptions();
    @Mixin private TextOutput output = new TextOutput();

    @Option(
        names = "--model",
        paramLabel = "DIR",
        description = "Checkpoint directory; the recipe says what is in it.")
    private @Nullable Path model;

    @Option(
        names = "--method",
        paramLabel = "NAME",
        completionCandidates = ExplainCommand.MethodNames.class,
        description = "One of: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
    private String method = "easy-ep";

    @Option(
        names = "--target",
        paramLabel = "RUNTIME",
        completionCandidates = Targets.class,
        description = "One of: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
    private String target = Target.TRANSFORMERS.label();

    @Option(
        names = "--data",
        paramLabel = "FILE",
        description = "Texts to calibrate on. Give it once for each file.")
    private List<Path> data = List.of();

    /// The recipe.
    record Made(String recipe) {}

    @Override
    public Integer call() throws IOException {
      String text =
          RecipeTemplate.text(
              new RecipeTemplate.Wish(
                  Optional.ofNullable(model), method, Targets.named(target), data),
              new Methods());
      output.write(common.terminal(), new Made(text), text);
      return ExitCode.DONE;
    }
  }
}
