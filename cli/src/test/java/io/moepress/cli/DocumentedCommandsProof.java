package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.cli.DocumentedCommands.Outcome;
import io.moepress.cli.DocumentedCommands.Scene;
import io.moepress.cli.Documents.Block;
import io.moepress.formats.Checks;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The commands of the documents that take minutes, as they are printed. The system property
/// `moepress.commands` names the recipes to run by a part of their names.
@Tag("proof")
class DocumentedCommandsProof {
  private static final int MINUTES = 120;

  @TempDir private Path folder = Path.of("");

  static Stream<String> recipes() {
    String part = System.getProperty("moepress.commands", "");
    return DocumentedCommandsTest.LONG.stream().filter(recipe -> recipe.contains(part)).sorted();
  }

  @ParameterizedTest
  @MethodSource("recipes")
  void aLongCommandRunsAsPrinted(String recipe) throws IOException, InterruptedException {
    DocumentedFiles.repository(DocumentedProcess.fixtures(folder));
    List<List<String>> commands = new ArrayList<>();
    List<Block> shown = new ArrayList<>();
    DocumentedCommandsTest.blocks()
        .forEach((block, lines) -> {
          for (ShellLines line : lines) {
            if (line.arguments().contains(recipe)
                && line.arguments().getFirst().matches("run|compare")) {
              commands.add(line.arguments());
              if (block.lines().getFirst().equals("$ " + line.printed())) {
                shown.add(block);
              }
            }
          }
        });
    assertThat(commands).isNotEmpty();
    Scene scene = new Scene(recipe, List.of(), List.of(commands.getFirst()));

    Outcome outcome = new DocumentedProcess(folder, MINUTES).run(List.of(scene)).getFirst();

    assertThat(commands.stream().distinct()).hasSize(1);
    assertThat(outcome.exitCode()).as(outcome.out() + outcome.err()).isZero();
    for (Block block : shown) {
      assertThat(new ShownOutput(outcome.out().lines().toList()).missing(block, 1)).isEmpty();
    }
    System.err.println(Checks.text("%s: %.0f s", recipe, outcome.seconds()));
  }
}
