package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

class ManCommandTest {
  @TempDir private Path folder = Path.of("");

  /// Everything that roff could take for an order of its own, in every place where text stands.
  @Test
  void aPageSaysWhatTheCommandSays() {
    CommandSpec command =
        CommandSpec.create()
            .name("shrink-it")
            .addOption(
                OptionSpec.builder("-r", "--ratio")
                    .type(double.class)
                    .paramLabel("X")
                    .defaultValue("0.5")
                    .description(".5 keeps half.", "Default: ${DEFAULT-VALUE}.")
                    .build())
            .addOption(OptionSpec.builder("--secret").hidden(true).description("None.").build())
            .addPositional(
                PositionalParamSpec.builder()
                    .paramLabel("C:\\DIR")
                    .description("'quoted' `ticks` ~ ^ π 𝄞")
                    .build());
    command
        .usageMessage()
        .description("Makes a thing", "smaller. And more.", "", "now:   shrink-it a", "later: b");
    new CommandLine(command);

    assertThat(ManualPage.of(command).get("shrink-it"))
        .contains("\n.SH NAME\nshrink\\-it \\- Makes a thing smaller\n")
        .contains("\n.SH SYNOPSIS\nshrink\\-it [\\-r=X] C:\\eDIR\n")
        .contains("\n.SH DESCRIPTION\nMakes a thing\nsmaller. And more.\n")
        .contains("\n.PP\n.nf\nnow:   shrink\\-it a\nlater: b\n.fi\n")
        .contains(
            "\n.TP\n\\fIC:\\eDIR\\fR\n\\&\\(aqquoted\\(aq \\(gaticks\\(ga \\(ti \\(ha \\[u03C0] \\[u1D11E]\n")
        .contains(
            "\n.TP\n\\fB\\-r\\fR, \\fB\\-\\-ratio\\fR\\fI=X\\fR\n\\&.5 keeps half.\nDefault: 0.5.\n")
        .doesNotContain("secret");
  }

  @Test
  void everyCommandHasAPageWithAllItsOptions() throws IOException {
    Path directory = folder.resolve("man/man1");

    Cli written = Cli.run("man", "-o", directory);

    assertThat(written.exitCode()).as(written.err()).isZero();
    Set<String> names = new TreeSet<>();
    check(Commands.all().getCommandSpec(), directory, names);
    assertThat(names).contains("moepress.1", "moepress-run.1", "moepress-evidence-merge.1");
    assertThat(written.out())
        .isEqualTo("written: " + names.size() + " pages in " + directory + "\n");
    try (var files = Files.list(directory)) {
      assertThat(files.map(file -> String.valueOf(file.getFileName())))
          .containsExactlyInAnyOrderElementsOf(names);
    }
  }

  private static void check(CommandSpec command, Path directory, Set<String> names)
      throws IOException {
    String name = command.qualifiedName("-") + ".1";
    names.add(name);
    String page = Files.readString(directory.resolve(name));
    assertThat(page).contains(".SH NAME\n", ".SH SYNOPSIS\n", ".SH EXIT STATUS\n");
    for (OptionSpec option : command.options()) {
      assertThat(page).as(name).contains("\\fB" + Roff.escaped(option.longestName()) + "\\fR");
    }
    assertThat(page.lines())
        .as(name)
        .allMatch(
            line -> line.isEmpty() || line.matches("\\.([A-Z]{2}|nh|ad l|nf|fi)( .*)?|[^.'].*"))
        .noneMatch(line -> line.contains("${DEFAULT") || line.contains("%n") || line.isBlank());
    for (CommandLine child : command.subcommands().values()) {
      check(child.getCommandSpec(), directory, names);
    }
  }

  @Test
  void onePageIsPrinted() {
    Cli page = Cli.run("man", "recipe", "new");

    assertThat(page.exitCode()).as(page.err()).isZero();
    assertThat(page.out())
        .startsWith(".TH \"MOEPRESS\\-RECIPE\\-NEW\" 1 ")
        .endsWith("\n.SH SEE ALSO\nmoepress\\-recipe(1)\n");
    assertThat(Cli.run("man").out())
        .startsWith(".TH \"MOEPRESS\" 1 ")
        .contains("moepress\\-run\\fR(1)");
    assertThat(Cli.run("man", "--json").json().get("name").asString()).isEqualTo("moepress");
  }

  @Test
  void thereIsNoSuchPage() {
    Cli.assertUsage(
        "no page \"moepress-recipe-nev\". Did you mean \"moepress-recipe-new\"?",
        "man",
        "recipe",
        "nev");
  }

  @Test
  void pagesOfAnOlderVersionAreReplaced() throws IOException {
    Files.writeString(folder.resolve("moepress.1"), "old");

    assertThat(Cli.run("man", "-o", folder, "-q", "--json").json().get("written").size())
        .isGreaterThan(20);
    assertThat(folder.resolve("moepress.1")).content().startsWith(".TH");
  }
}
