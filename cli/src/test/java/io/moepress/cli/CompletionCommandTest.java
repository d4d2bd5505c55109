package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CompletionCommandTest {
  private static final List<String> COMMANDS =
      List.of(
          "run",
          "compare",
          "inspect",
          "calibrate",
          "plan",
          "apply",
          "eval",
          "verify",
          "convert",
          "report",
          "slice",
          "recipe",
          "explain",
          "completion",
          "man");

  @ParameterizedTest
  @ValueSource(strings = {"bash", "zsh"})
  void bashAndZshShareAScript(String shell) {
    Cli completion = Cli.run("completion", shell);

    assertThat(completion.exitCode()).isZero();
    assertThat(completion.out())
        .startsWith(shell.equals("zsh") ? "#compdef moepress\n" : "#!/usr/bin/env bash\n")
        .contains("complete -F _complete_moepress")
        .contains("_picocli_moepress_recipe_check")
        .contains("--max-shard-size", "llama.cpp", "easy-ep");
    assertThat(COMMANDS).allMatch(command -> completion.out().contains(command));
  }

  @Test
  void fishGetsALineForEachCommandAndOption() {
    Cli completion = Cli.run("completion", "fish");

    assertThat(completion.exitCode()).isZero();
    assertThat(completion.out().lines()).allMatch(line -> line.startsWith("complete -c moepress"));
    for (String command : COMMANDS) {
      assertThat(completion.out())
          .contains("complete -c moepress -n '__fish_use_subcommand' -a " + command + " -d '");
    }
    assertThat(completion.out())
        .contains(
            "-n '__fish_seen_subcommand_from convert' -s o -l output -d 'New checkpoint"
                + " directory, or GGUF file.' -r -F\n")
        .contains(
            "-n '__fish_seen_subcommand_from recipe; and not __fish_seen_subcommand_from schema"
                + " check new reference' -a check -d 'Finds all mistakes")
        .contains(
            "-n '__fish_seen_subcommand_from recipe; and __fish_seen_subcommand_from new' -l method")
        .contains("-r -a 'transformers vllm sglang llama.cpp research'\n")
        .contains("-a '" + String.join(" ", new Methods().names()) + "'\n");
  }

  /// A quote in a description must not end the text.
  @Test
  void quotesOfFishAreBalanced() {
    Cli.run("completion", "fish")
        .out()
        .lines()
        .forEach(line ->
            assertThat(line.replace("\\'", "").chars().filter(c -> c == '\'').count() % 2)
                .as(line)
                .isZero());
  }

  @Test
  void anUnknownShell() {
    Cli completion = Cli.run("completion", "tcsh");

    assertThat(completion.exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(completion.err()).contains("[bash, zsh, fish]", "tcsh");
  }
}
