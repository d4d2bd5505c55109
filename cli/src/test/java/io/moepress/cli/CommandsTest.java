package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/// Most runs read one command in full; nobody may notice.
class CommandsTest {
  @TempDir private Path folder = Path.of("");

  @Test
  void aRunReadsTheCommandsThatItNamesInFull() {
    Map<String, CommandLine> commands = Commands.of("-x", "inspect", "model").getSubcommands();

    assertThat(commands.keySet()).isEqualTo(Commands.all().getSubcommands().keySet());
    assertThat(commands)
        .allSatisfy((name, command) ->
            assertThat(command.getCommandSpec().options().isEmpty())
                .as(name)
                .isEqualTo(!name.equals("inspect")));
  }

  @Test
  void theHelpIsTheSameAsIfAllCommandsHadBeenRead() {
    String whole = Commands.all().getUsageMessage(CommandLine.Help.Ansi.OFF);

    assertThat(Cli.run("--help").out()).isEqualTo(whole).contains("  verify ", "  help ");
    assertThat(Cli.run().err()).isEqualTo(whole);
  }

  @Test
  void helpTellsOfEveryCommand() {
    for (String command : Commands.all().getSubcommands().keySet()) {
      assertThat(Cli.run("help", command).out())
          .as(command)
          .contains("Usage: moepress " + command, "--help");
    }
  }

  /// Which command is in a file of arguments turns out later.
  @Test
  void argumentsMayStandInAFile() throws IOException {
    Path arguments = Files.writeString(folder.resolve("arguments"), "explain easy-ep");

    Cli explained = Cli.run("@" + arguments);

    assertThat(explained.exitCode()).as(explained.err()).isZero();
    assertThat(explained.out()).isEqualTo(Cli.run("explain", "easy-ep").out());
  }

  @Test
  void theVersionNamesJavaAndLibtorch() {
    assertThat(Cli.run("--version").out().lines())
        .satisfiesExactly(
            line -> assertThat(line).matches("moepress \\d+\\.\\d+\\.\\d+(-SNAPSHOT)?"),
            line -> assertThat(line).startsWith("Java " + Runtime.version() + " ("),
            line -> assertThat(line).matches("libtorch \\d+\\.\\d+\\.\\d+"));
  }
}
