package io.moepress.cli;

import io.moepress.recipes.ToolVersion;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.SequencedMap;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Help.Ansi.Text;
import picocli.CommandLine.Help.IParamLabelRenderer;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/// The manual page of a command. What it says comes from the command itself, as in its help.
final class ManualPage {
  private static final int UNWRAPPED = 10_000;

  private final CommandSpec command;
  private final Help help;
  private final IParamLabelRenderer labels;
  private final Roff page;

  private ManualPage(CommandSpec command) {
    this.command = command;
    // Who shows the page breaks its lines.
    command.usageMessage().width(UNWRAPPED);
    this.help = new Help(command, Help.defaultColorScheme(Ansi.OFF));
    this.labels = help.parameterLabelRenderer();
    this.page = new Roff(name(command).toUpperCase(Locale.ROOT), ToolVersion.text(), "moepress");
  }

  /// The pages of a program and of all its commands, by name, such as `moepress-recipe-new`.
  ///
  /// @param program its help has no line breaks any more
  static SequencedMap<String, String> of(CommandSpec program) {
    SequencedMap<String, String> pages = new LinkedHashMap<>();
    pages.put(name(program), new ManualPage(program).write());
    children(program).forEach(child -> pages.putAll(of(child)));
    return pages;
  }

  private static String name(CommandSpec command) {
    return command.qualifiedName("-");
  }

  private static List<CommandSpec> children(CommandSpec command) {
    return command.subcommands().values().stream().map(CommandLine::getCommandSpec).toList();
  }

  private String write() {
    page.section("NAME");
    page.line(name(command) + " - " + summary(command).replaceFirst("\\.$", ""));
    page.section("SYNOPSIS");
    page.line(help.detailedSynopsis(0, Comparator.comparing(OptionSpec::longestName), false));
    page.section("DESCRIPTION");
    paragraphs(description(command));
    parameters();
    options();
    commands();
    outcomes();
    return page.toString();
  }

  /// One sentence, as lists of commands have it.
  private static String summary(CommandSpec command) {
    String[] header = command.usageMessage().header();
    String text =
        header.length > 0
            ? header[0]
            : description(command).stream()
                .takeWhile(line -> !line.isEmpty())
                .collect(Collectors.joining(" "));
    int end = text.indexOf(". ");
    return end < 0 ? text : text.substring(0, end + 1);
  }

  private static List<String> description(CommandSpec command) {
    return Arrays.stream(command.usageMessage().description())
        .map(line -> line.replace("%n", "").replace("%%", "%"))
        .toList();
  }

  /// Paragraphs are parted by empty lines. One with columns keeps its lines.
  private void paragraphs(List<String> lines) {
    List<String> paragraph = new ArrayList<>();
    for (String line : lines) {
      if (line.isEmpty()) {
        paragraph(paragraph);
        paragraph.clear();
      } else {
        paragraph.add(line);
      }
    }
    paragraph(paragraph);
  }

  private void paragraph(List<String> lines) {
    if (lines.stream().anyMatch(line -> line.contains("  "))) {
      page.verbatim(lines);
    } else if (!lines.isEmpty()) {
      page.paragraph(lines);
    }
  }

  private void parameters() {
    List<PositionalParamSpec> parameters = command.positionalParameters();
    if (!parameters.isEmpty()) {
      page.section("ARGUMENTS");
      Help.IParameterRenderer renderer = help.createDefaultParameterRenderer();
      for (PositionalParamSpec parameter : parameters) {
        Text[][] rows = renderer.render(parameter, labels, help.colorScheme());
        page.item(label(parameter), meaning(rows));
      }
    }
  }

  private void options() {
    List<OptionSpec> options = command.options().stream().filter(it -> !it.hidden()).toList();
    if (!options.isEmpty()) {
      page.section("OPTIONS");
      Help.IOptionRenderer renderer = help.createDefaultOptionRenderer();
      for (OptionSpec option : options) {
        String names =
            Arrays.stream(option.names()).map(Roff::bold).collect(Collectors.joining(", "));
        Text[][] rows = renderer.render(option, labels, help.colorScheme());
        page.item(names + label(option), meaning(rows));
      }
    }
  }

  private String label(ArgSpec argument) {
    String label = labels.renderParameterLabel(argument, Ansi.OFF, List.of()).toString();
    return label.isEmpty() ? "" : Roff.italic(label);
  }

  /// The last column of what the help says, with all variables filled in.
  private static List<String> meaning(Text[][] rows) {
    return Arrays.stream(rows).map(row -> row[row.length - 1].toString()).toList();
  }

  private void commands() {
    List<CommandSpec> children = children(command);
    if (!children.isEmpty()) {
      page.section("COMMANDS");
      for (CommandSpec child : children) {
        page.item(Roff.bold(name(child)) + "(1)", List.of(summary(child)));
      }
    }
  }

  /// What all commands share.
  private void outcomes() {
    page.section("EXIT STATUS");
    page.item("0", List.of("Done."));
    page.item("1", List.of("Failed; a message says what, and the way out."));
    page.item("2", List.of("Wrong usage, or a mistake in the recipe."));
    page.item("3", List.of("Done, and the result misses a quality gate."));
    page.item(
        "129, 130, 143", List.of("Ended by SIGHUP, SIGINT or SIGTERM. The same command goes on."));
    page.section("ENVIRONMENT");
    page.item(Roff.bold("MOEPRESS_JAVA_OPTS"), List.of("More options for Java, such as -Xmx8g."));
    page.item(Roff.bold("NO_COLOR"), List.of("Not empty: no colours and no progress bars."));
    page.item(Roff.bold("CI"), List.of("Not empty and not \"false\": no progress bars."));
    if (command.parent() != null) {
      page.section("SEE ALSO");
      page.line(name(command.parent()) + "(1)");
    }
  }
}
