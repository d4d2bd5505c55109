package io.moepress.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/// Completion for the fish shell: one `complete` line for each command and option, made from the
/// commands themselves.
final class FishCompletion {
  private final String program;
  private final StringBuilder script = new StringBuilder();

  private FishCompletion(String program) {
    this.program = program;
  }

  static String script(CommandSpec root) {
    FishCompletion completion = new FishCompletion(root.name());
    completion.script.append("complete -c ").append(root.name()).append(" -f\n");
    completion.add(root, "__fish_use_subcommand", List.of());
    return completion.script.toString();
  }

  /// @param here condition under which the command line has come to this command and no further
  /// @param path names of the commands on the way
  private void add(CommandSpec command, String here, List<String> path) {
    for (OptionSpec option : command.options()) {
      if (!option.hidden()) {
        option(option, path.isEmpty() ? here : seen(path));
      }
    }
    for (PositionalParamSpec parameter : command.positionalParameters()) {
      value("complete -c " + program + condition(here), parameter);
    }
    for (Map.Entry<String, CommandLine> child : command.subcommands().entrySet()) {
      CommandSpec spec = child.getValue().getCommandSpec();
      line(" -a " + child.getKey() + description(spec), here);
      List<String> deeper = new ArrayList<>(path);
      deeper.add(child.getKey());
      String further =
          spec.subcommands().isEmpty()
              ? seen(deeper)
              : seen(deeper)
                  + "; and not __fish_seen_subcommand_from "
                  + String.join(" ", spec.subcommands().keySet());
      add(spec, further, deeper);
    }
  }

  private static String seen(List<String> path) {
    return String.join(
        "; and ", path.stream().map(name -> "__fish_seen_subcommand_from " + name).toList());
  }

  private void option(OptionSpec option, String where) {
    StringBuilder names = new StringBuilder();
    for (String name : option.names()) {
      names.append(name.startsWith("--") ? " -l " + name.substring(2) : " -s " + name.substring(1));
    }
    String start = "complete -c " + program + condition(where) + names + description(option);
    if (option.arity().max() == 0) {
      script.append(start).append('\n');
    } else {
      value(start + " -r", option);
    }
  }

  /// What an option or a parameter may be: one of a few words, or a file.
  private void value(String start, ArgSpec argument) {
    List<String> words = words(argument);
    boolean file =
        argument.type() == Path.class
            || (argument.auxiliaryTypes().length > 0 && argument.auxiliaryTypes()[0] == Path.class);
    if (!words.isEmpty()) {
      script.append(start).append(" -a ").append(quoted(String.join(" ", words))).append('\n');
    } else if (file) {
      script.append(start).append(" -F\n");
    } else if (argument.isOption()) {
      script.append(start).append('\n');
    }
  }

  private void line(String rest, String where) {
    script.append("complete -c ").append(program).append(condition(where)).append(rest);
    script.append('\n');
  }

  private static String condition(String condition) {
    return " -n " + quoted(condition);
  }

  private static String description(CommandSpec command) {
    String[] lines = command.usageMessage().description();
    return lines.length == 0 ? "" : description(lines[0]);
  }

  private static String description(OptionSpec option) {
    String[] lines = option.description();
    return lines.length == 0
        ? ""
        : description(
            lines[0]
                .replace("${COMPLETION-CANDIDATES}", String.join(", ", words(option)))
                .replace("${DEFAULT-VALUE}", String.valueOf(option.defaultValueString())));
  }

  private static List<String> words(ArgSpec argument) {
    List<String> words = new ArrayList<>();
    if (argument.completionCandidates() != null) {
      argument.completionCandidates().forEach(words::add);
    }
    return words;
  }

  private static String description(String text) {
    return " -d " + quoted(text.replace("%n", " ").replace("%%", "%"));
  }

  private static String quoted(String text) {
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'";
  }
}
