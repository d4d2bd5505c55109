package io.moepress.cli;

import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `moepress completion`.
@Command(
    name = "completion",
    description = {
      "Prints a script by which a shell completes commands, options and names.",
      "",
      "bash:  source <(moepress completion bash)",
      "zsh:   source <(moepress completion zsh)",
      "fish:  moepress completion fish | source"
    },
    mixinStandardHelpOptions = true)
final class CompletionCommand implements Callable<Integer> {
  @Mixin private CommonOptions common = new CommonOptions();

  @Spec private CommandSpec command = CommandSpec.create();

  @Parameters(paramLabel = "SHELL", description = "${COMPLETION-CANDIDATES}.")
  private Shell shell = Shell.bash;

  /// A shell, by its own name.
  enum Shell {
    bash,
    zsh,
    fish
  }

  /// The script.
  record Script(String shell, String script) {}

  @Override
  public Integer call() {
    CommandLine root = command.root().commandLine();
    String script =
        switch (shell) {
          case bash -> AutoComplete.bash(root.getCommandName(), root);
          case zsh -> forZsh(AutoComplete.bash(root.getCommandName(), root));
          case fish -> FishCompletion.script(root.getCommandSpec());
        };
    common.terminal().result(new Script(shell.name(), script), script);
    return ExitCode.DONE;
  }

  /// picocli's script turns zsh's completion for bash scripts on when zsh reads it. zsh reads it as
  /// any script, or as the function `_moepress` in its `fpath` when there is something to complete
  /// for the first time, and then awaits an answer. zsh has no `compopt`.
  private static String forZsh(String bash) {
    return "#compdef moepress\nfunction compopt { :; }\n"
        + bash
        + "\nif [ \"${funcstack[1]-}\" = _moepress ]; then\n"
        + "  _bash_complete -o default -F _complete_moepress\n"
        + "fi\n";
  }
}
