package io.moepress.cli;

import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.work.MemoryBudget;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.Console;
import java.io.PrintWriter;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Spec.Target;

/// What every command understands.
final class CommonOptions {
  @Spec(Target.MIXEE)
  private CommandSpec command = CommandSpec.create();

  @Option(
      names = {"-j", "--threads"},
      paramLabel = "N",
      description = "Jobs at a time; results do not depend on it. Default: the number of cores.")
  private int threads = Runtime.getRuntime().availableProcessors();

  @Option(
      names = "--max-memory",
      paramLabel = "SIZE",
      converter = SizeConverter.class,
      description = "Stay within this much memory, such as 16GiB. Default: 3/4 of the machine's.")
  private @Nullable ByteSize maxMemory;

  @Option(
      names = "--json",
      description = "Print the result as one JSON document on standard output.")
  private boolean json;

  @Option(
      names = {"-q", "--quiet"},
      description = "Say nothing but the result and errors.")
  private boolean quiet;

  @Option(
      names = {"-v", "--verbose"},
      description = "Say more about an error; twice: with its stack trace.")
  private boolean[] verbose = {};

  /// Where to speak.
  Terminal terminal() {
    PrintWriter out = command.commandLine().getOut();
    PrintWriter err = command.commandLine().getErr();
    return new Terminal(out, err, quiet, json);
  }

  /// Draws on `terminal`.
  Progress progress(Terminal terminal) {
    boolean onTerminal =
        Optional.ofNullable(System.console()).map(Console::isTerminal).orElse(false);
    return new TerminalProgress(terminal, new Environment(System.getenv()).hasBars(onTerminal));
  }

  /// A pool of as many workers as asked for.
  Workers workers() {
    if (threads < 1) {
      throw new ParameterException(
          command.commandLine(), "--threads must be at least 1: " + threads);
    }
    return new Workers(threads);
  }

  /// The memory to stay within.
  MemoryBudget memory() {
    return maxMemory == null ? MemoryBudget.ofMachine() : new MemoryBudget(maxMemory.bytes());
  }

  /// How much to say about an error: 0, 1 or 2.
  int verbosity() {
    return verbose.length;
  }
}
