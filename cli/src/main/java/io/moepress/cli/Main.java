package io.moepress.cli;

import io.moepress.formats.FormatException;
import io.moepress.recipes.evidence.MissingEvidenceException;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.recipe.RecipeException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.Arrays;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParseResult;

/// The program. Only here exceptions become text and exit codes.
@Command(
    name = "moepress",
    description = "Makes Mixture-of-Experts checkpoints small enough for the machine you have.",
    mixinStandardHelpOptions = true,
    versionProvider = Versions.class,
    footer = {
      "",
      "Exit codes: 0 done, 1 failed, 2 wrong usage or recipe, 3 a quality gate was missed,",
      "129, 130 or 143 ended by a signal (SIGHUP, SIGINT, SIGTERM); the same command goes on.",
      "",
      "Begin with:  moepress run recipes/examples/quickstart.yaml"
    })
public final class Main {
  private Main() {}

  /// Runs a command.
  public static void main(String[] args) {
    PrintWriter out = new PrintWriter(System.out, true, java.nio.charset.StandardCharsets.UTF_8);
    PrintWriter err = new PrintWriter(System.err, true, java.nio.charset.StandardCharsets.UTF_8);
    System.exit(run(out, err, args));
  }

  /// Runs a command inside this process.
  ///
  /// @return the exit code
  static int run(PrintWriter out, PrintWriter err, String... args) {
    if (args.length == 1 && (args[0].equals("--version") || args[0].equals("-V"))) {
      // Scripts ask this often; to read the commands for it would take three times as long.
      Arrays.stream(new Versions().getVersion()).forEach(out::println);
      out.flush();
      return ExitCode.DONE;
    }
    CommandLine line =
        Commands.of(args).setOut(out).setErr(err).setExecutionExceptionHandler(Main::report);
    if (args.length == 0) {
      line.usage(err);
      return ExitCode.USAGE;
    }
    try {
      return line.execute(args);
    } catch (OutOfMemoryError e) {
      err.println(
          "moepress: out of memory ("
              + e.getMessage()
              + "). Use fewer threads (-j 1) or fewer texts, or give Java more with"
              + " MOEPRESS_JAVA_OPTS=-Xmx8g.");
      return ExitCode.FAILED;
    }
  }

  private static int report(Exception failure, CommandLine line, ParseResult parsed) {
    line.getErr().println("moepress: " + message(failure));
    int verbosity =
        line.getCommandSpec().mixins().values().stream()
            .map(mixin -> mixin.userObject())
            .filter(CommonOptions.class::isInstance)
            .mapToInt(options -> ((CommonOptions) options).verbosity())
            .sum();
    if (verbosity >= 2) {
      failure.printStackTrace(line.getErr());
    } else if (verbosity == 1 && failure.getCause() != null) {
      line.getErr().println("caused by " + failure.getCause());
    }
    line.getErr().flush();
    return failure instanceof RecipeException || failure instanceof CommandLine.ParameterException
        ? ExitCode.USAGE
        : ExitCode.FAILED;
  }

  private static String message(Exception failure) {
    return switch (failure) {
      case RecipeException e -> text(e);
      case FormatException e -> text(e);
      case PlanMismatchException e -> text(e);
      case MissingEvidenceException e -> text(e);
      case IllegalArgumentException e -> text(e);
      case NoSuchFileException e -> e.getFile() + ": no such file";
      case FileNotFoundException e -> text(e);
      case AccessDeniedException e -> e.getFile() + ": permission denied";
      case FileSystemException e -> e.getFile() + ": " + e.getReason();
      case IOException e -> text(e);
      case UncheckedIOException e -> text(e);
      default ->
          "unexpected "
              + failure
              + ". This is a fault of moepress; run the command again with -v -v and report what it"
              + " prints.";
    };
  }

  private static String text(Exception failure) {
    return String.valueOf(failure.getMessage());
  }
}
