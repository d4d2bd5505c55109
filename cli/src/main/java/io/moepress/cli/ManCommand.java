package io.moepress.cli;

import io.moepress.formats.Words;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `moepress man`.
@Command(
    name = "man",
    description = {
      "Prints the manual page of a command, or writes all of them.",
      "",
      "to read one:      moepress man recipe new | man -l -",
      "to install them:  moepress man -o ~/.local/share/man/man1"
    },
    mixinStandardHelpOptions = true)
final class ManCommand implements Callable<Integer> {
  @Mixin private CommonOptions common = new CommonOptions();

  @Spec private CommandSpec command = CommandSpec.create();

  @Parameters(
      arity = "0..*",
      paramLabel = "COMMAND",
      completionCandidates = Names.class,
      description = "Command; moepress itself when there is none.")
  private List<String> names = List.of();

  @Option(
      names = {"-o", "--output"},
      paramLabel = "DIR",
      description =
          "Write the pages of all commands into this directory. Pages there are replaced.")
  private @Nullable Path output;

  /// Commands, for shells to complete.
  static final class Names extends ArrayList<String> {
    private static final long serialVersionUID = 1L;

    Names() {
      super(Commands.names());
    }
  }

  /// A page, in roff.
  record Page(String name, String page) {}

  /// What was written.
  record Written(List<String> written) {}

  @Override
  public Integer call() throws IOException {
    Map<String, String> pages = ManualPage.of(Commands.all().getCommandSpec());
    if (output == null) {
      print(pages);
    } else {
      write(pages, output);
    }
    return ExitCode.DONE;
  }

  private void print(Map<String, String> pages) {
    List<String> path = new ArrayList<>(names);
    path.addFirst(command.root().name());
    String name = String.join("-", path);
    String page = pages.get(name);
    if (page == null) {
      String slip = Words.didYouMean(name, pages.keySet());
      throw new ParameterException(command.commandLine(), "no page " + Words.quoted(name) + slip);
    }
    common.terminal().result(new Page(name, page), page);
  }

  private void write(Map<String, String> pages, Path directory) throws IOException {
    Files.createDirectories(directory);
    for (Map.Entry<String, String> page : pages.entrySet()) {
      Files.writeString(directory.resolve(page.getKey() + ".1"), page.getValue());
    }
    String text = "written: " + pages.size() + " pages in " + directory + "\n";
    common.terminal().result(new Written(List.copyOf(pages.keySet())), text);
  }
}
