package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.json.Json;
import java.io.PrintWriter;
import java.io.StringWriter;
import picocli.CommandLine;
import tools.jackson.databind.node.ObjectNode;

/// Runs a command line inside this process, the way a user types it.
///
/// @param exitCode what the process would say
/// @param out standard output
/// @param err standard error
record Cli(int exitCode, String out, String err) {

  static Cli run(Object... args) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    String[] texts = new String[args.length];
    for (int i = 0; i < args.length; i++) {
      texts[i] = String.valueOf(args[i]);
    }
    int exitCode = Main.run(new PrintWriter(out), new PrintWriter(err), texts);
    return new Cli(exitCode, out.toString(), err.toString());
  }

  /// The program with all its commands.
  static CommandLine commands() {
    return Commands.all();
  }

  ObjectNode json() {
    return Json.object(out, "standard output");
  }

  /// Runs a command that must be refused as wrong usage.
  static void assertUsage(String expected, Object... arguments) {
    Cli run = run(arguments);

    assertThat(run.exitCode()).as(run.err()).isEqualTo(ExitCode.USAGE);
    assertThat(run.err()).contains(expected);
  }
}
