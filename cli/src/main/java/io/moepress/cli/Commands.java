package io.moepress.cli;

import java.util.Arrays;
import java.util.List;
import java.util.Set;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.Model.CommandSpec;

/// The commands of the program, in the order of the help.
///
/// To read a command from its annotations takes longer than to load all classes of some commands. A
/// run that names one command reads that one; the others are there by name and description.
final class Commands {
  private static final List<Class<?>> ALL =
      List.of(
          RunCommand.class,
          CompareCommand.class,
          InspectCommand.class,
          CalibrateCommand.class,
          EvidenceCommand.class,
          PlanCommand.class,
          ApplyCommand.class,
          EvalCommand.class,
          VerifyCommand.class,
          ConvertCommand.class,
          ReportCommand.class,
          SliceCommand.class,
          RecipeCommand.class,
          ExplainCommand.class,
          CompletionCommand.class,
          ManCommand.class,
          HelpCommand.class);

  /// Commands that tell of all others.
  private static final Set<String> ABOUT_ALL = Set.of("completion", "man", "help");

  private Commands() {}

  static List<String> names() {
    return ALL.stream().map(type -> command(type).name()).toList();
  }

  /// The program with every command in full.
  static CommandLine all() {
    CommandLine root = new CommandLine(Main.class);
    ALL.forEach(command -> root.addSubcommand(command(command).name(), command));
    return root;
  }

  /// The program with those commands in full that these arguments name. What stands in a file of
  /// arguments (`@file`) is not known yet.
  static CommandLine of(String... arguments) {
    List<String> named = Arrays.asList(arguments);
    if (named.stream().anyMatch(word -> ABOUT_ALL.contains(word) || word.startsWith("@"))) {
      return all();
    }
    CommandLine root = new CommandLine(Main.class);
    for (Class<?> type : ALL) {
      Command command = command(type);
      root.addSubcommand(command.name(), named.contains(command.name()) ? type : outline(command));
    }
    return root;
  }

  private static Command command(Class<?> type) {
    return type.getAnnotation(Command.class);
  }

  /// What the list of commands says of one.
  private static CommandSpec outline(Command command) {
    CommandSpec outline = CommandSpec.create().name(command.name());
    outline.usageMessage().header(command.header()).description(command.description());
    return outline;
  }
}
