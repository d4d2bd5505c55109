package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.cli.Documents.Block;
import io.moepress.cli.Documents.Line;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/// What the documents point at is there: files, headings, classes, packages, commands, options.
class DocumentsTest {
  private static final Pattern LINK = Pattern.compile("\\]\\(([^)\\s]+)\\)");
  private static final Pattern FILE = Pattern.compile("<!-- file: (\\S+) -->");
  private static final Pattern CODE = Pattern.compile("(?<!`)`([^`]+)`(?!`)");
  private static final Pattern CLASS =
      Pattern.compile("([A-Z][a-z][A-Za-z0-9]*)(?:[.#](\\w+)\\W*)?");
  private static final Pattern PACKAGE = Pattern.compile("^\\|(( `[a-z.]+`,?)+) \\|");
  private static final Set<String> FOLDERS =
      Set.of(
          "docs",
          "recipes",
          "testdata",
          "formats",
          "calibrate",
          "prune",
          "merge",
          "quantize",
          "cli");

  /// Names that look like classes of ours and are not.
  private static final Set<String> OTHERS = Set.of("Dockerfile", "RssAnon", "Wd", "Wg", "Wu", "Q8");

  @Test
  void everyLinkLeadsSomewhere() throws IOException {
    List<String> broken = new ArrayList<>();
    eachMatch(
        LINK,
        (line, target) -> {
          if (!target.matches("[a-z]+:.*") && !isThere(line.document(), target)) {
            broken.add(line.where() + ": " + target);
          }
        });

    assertThat(broken).isEmpty();
  }

  private static boolean isThere(String document, String target) {
    String[] parts = target.split("#", 2);
    Path from = Documents.ROOT.resolve(document);
    Path file = parts[0].isEmpty() ? from : from.resolveSibling(parts[0]).normalize();
    if (!Files.exists(file)) {
      return false;
    }
    return parts.length == 1 || anchors(file).contains(parts[1]);
  }

  /// The anchors that GitHub gives to headings.
  private static Set<String> anchors(Path file) {
    Set<String> anchors = new TreeSet<>();
    try {
      for (Line line : Documents.prose(Documents.ROOT.relativize(file).toString())) {
        if (line.text().matches("#+ .*")) {
          anchors.add(
              line.text()
                  .replaceFirst("#+ ", "")
                  .toLowerCase(Locale.ROOT)
                  .replaceAll("[^\\w \\-]", "")
                  .replace(' ', '-'));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return anchors;
  }

  @Test
  void everyClassIsThere() throws IOException {
    Map<String, String> classes = classes();
    List<String> missing = new ArrayList<>();
    SortedSet<String> found = new TreeSet<>();
    eachMatch(
        CODE,
        (line, code) -> {
          Matcher name = CLASS.matcher(code);
          if (!name.matches() || OTHERS.contains(name.group(1))) {
            return;
          }
          String source = classes.get(name.group(1));
          String member = name.group(2);
          if (source == null || (member != null && !source.contains(member))) {
            missing.add(line.where() + ": " + code);
          } else {
            found.add(name.group(1));
          }
        });

    assertThat(missing).isEmpty();
    assertThat(found).contains("EasyEpPruning", "ArchitectureCatalog", "KillProof");
  }

  /// The sources of top-level classes, by simple name.
  private static Map<String, String> classes() throws IOException {
    Map<String, String> classes = new TreeMap<>();
    try (Stream<Path> files = Files.walk(Documents.ROOT)) {
      for (Path file : files.filter(f -> f.toString().matches(".*/src/.*[.]java")).toList()) {
        String name = file.getFileName().toString();
        classes.put(name.substring(0, name.length() - ".java".length()), Files.readString(file));
      }
    }
    return classes;
  }

  @Test
  void everyFileOfTheRepositoryIsThere() throws IOException {
    List<String> missing = new ArrayList<>();
    eachMatch(
        CODE,
        (line, code) -> {
          String first = code.contains("/") ? code.substring(0, code.indexOf('/')) : "";
          boolean ours = FOLDERS.contains(first) && code.matches("[\\w./*\\-]+");
          if (ours && !exists(code)) {
            missing.add(line.where() + ": " + code);
          }
        });

    assertThat(missing).isEmpty();
  }

  private static boolean exists(String path) {
    if (!path.contains("*")) {
      return Files.exists(Documents.ROOT.resolve(path));
    }
    PathMatcher matcher = FileSystems.getDefault().getPathMatcher("glob:" + path);
    try (Stream<Path> files =
        Files.walk(Documents.ROOT.resolve(path.split("[*]", 2)[0]).getParent())) {
      return files.anyMatch(file -> matcher.matches(Documents.ROOT.relativize(file)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// A block below `<!-- file: PATH -->` is that file.
  @Test
  void everyQuotedFileIsTheFile() throws IOException {
    int quoted = 0;
    for (String document : Documents.all()) {
      List<String> lines = Files.readAllLines(Documents.ROOT.resolve(document));
      for (Block block : Documents.blocks(document)) {
        String above = block.line() > 1 ? lines.get(block.line() - 2) : "";
        Matcher marker = FILE.matcher(above);
        if (marker.matches()) {
          assertThat(block.text())
              .as(block.where())
              .isEqualTo(Files.readString(Documents.ROOT.resolve(marker.group(1))));
          quoted++;
        }
      }
    }

    assertThat(quoted).isPositive();
  }

  /// An archive's name in a document is good for every version, and is the name that the build gives.
  @Test
  void everyArchiveHasTheNameThatTheBuildGives() throws IOException {
    String pom = Files.readString(Documents.ROOT.resolve("cli/pom.xml"));
    assertThat(pom)
        .contains(
            "<image.name>moepress-${project.version}-${libtorch.classifier}</image.name>",
            "${image.directory}.tar.gz");
    Pattern name = Pattern.compile("moepress-[\\w.*-]*?(?=[.]tar[.]gz|-(linux|osx)-)");
    List<String> names = new ArrayList<>();
    for (String document : Documents.all()) {
      for (String line : Files.readAllLines(Documents.ROOT.resolve(document))) {
        name.matcher(line).results().forEach(found -> names.add(found.group()));
      }
    }

    assertThat(names)
        .hasSizeGreaterThan(4)
        .allMatch(each -> each.matches("moepress-([*]|VERSION)(-PLATFORM)?"));
  }

  @Test
  void everyPackageOfTheTableIsThere() throws IOException {
    List<String> missing = new ArrayList<>();
    int found = 0;
    for (Line line : Documents.prose("ARCHITECTURE.md")) {
      Matcher row = PACKAGE.matcher(line.text());
      if (row.find()) {
        for (String name : row.group(1).replace("`", "").split(",", -1)) {
          String module = name.strip().split("[.]", -1)[0];
          Path sources = Documents.ROOT.resolve(module).resolve("src/main/java/io/moepress");
          found++;
          if (!Files.isDirectory(sources.resolve(name.strip().replace('.', '/')))) {
            missing.add(line.where() + ": " + name);
          }
        }
      }
    }

    assertThat(missing).isEmpty();
    assertThat(found).isGreaterThan(20);
  }

  /// `moepress evidence show` in running text; a whole command line stands in a block.
  @Test
  void everyCommandAndOptionInTheTextIsThere() throws IOException {
    CommandLine root = Cli.commands();
    List<String> missing = new ArrayList<>();
    SortedSet<String> found = new TreeSet<>();
    eachMatch(
        CODE,
        (line, code) -> {
          List<String> words = List.of(code.split("\\s+", -1));
          if (words.size() > 1 && words.getFirst().matches("([.]/)?moepress")) {
            List<String> strangers = strangers(root, words.subList(1, words.size()));
            strangers.forEach(word -> missing.add(line.where() + ": " + code + ": " + word));
            found.add(words.get(1));
          }
        });

    assertThat(missing).isEmpty();
    assertThat(found).contains("recipe", "evidence", "report");
  }

  @Test
  void anOptionBelongsToItsCommand() {
    CommandLine root = Cli.commands();

    assertThat(strangers(root, List.of("--version"))).isEmpty();
    assertThat(strangers(root, List.of("run", "--dry-run"))).isEmpty();
    assertThat(strangers(root, List.of("COMMAND", "--json"))).isEmpty();
    assertThat(strangers(root, List.of("--versoin"))).containsExactly("--versoin");
    assertThat(strangers(root, List.of("--dry-run"))).containsExactly("--dry-run");
    assertThat(strangers(root, List.of("run", "--to"))).containsExactly("--to");
    assertThat(strangers(root, List.of("...", "--jsn"))).containsExactly("--jsn");
  }

  /// Words of a command line that the program does not know. Where some command is meant, by a
  /// capital letter or an ellipsis, an option may be any command's.
  private static List<String> strangers(CommandLine root, List<String> words) {
    List<String> strangers = new ArrayList<>();
    CommandLine command = root;
    boolean named = true;
    boolean isAny = false;
    for (String word : words) {
      boolean isPlace = word.matches("[A-Z].*|[.]+");
      if (named && command.getSubcommands().containsKey(word)) {
        command = command.getSubcommands().get(word);
        continue;
      }
      if (named && command.equals(root) && !isPlace && !word.startsWith("-")) {
        strangers.add(word);
      }
      isAny |= command.equals(root) && isPlace;
      named = false;
      String option = word.split("=", 2)[0];
      if (option.startsWith("-") && !knows(command, option, isAny)) {
        strangers.add(word);
      }
    }
    return strangers;
  }

  private static boolean knows(CommandLine command, String option, boolean orItsOwn) {
    return command.getCommandSpec().findOption(option) != null
        || (orItsOwn
            && command.getSubcommands().values().stream()
                .anyMatch(each -> knows(each, option, true)));
  }

  @Test
  void everyCommandStandsInTheTable() throws IOException {
    List<String> rows =
        Documents.prose("docs/commands.md").stream()
            .map(Line::text)
            .filter(line -> line.startsWith("| `"))
            .toList();
    SortedSet<String> commands = new TreeSet<>();
    Cli.commands()
        .getSubcommands()
        .forEach((name, line) -> {
          commands.add(name);
          line.getSubcommands().keySet().forEach(sub -> commands.add(name + " " + sub));
          if (!line.getSubcommands().isEmpty()) {
            commands.remove(name);
          }
        });
    commands.remove("help");

    for (String command : commands) {
      assertThat(rows)
          .as(command)
          .anyMatch(row -> row.contains("`" + command + " ") || row.contains("`" + command + "`"));
    }
  }

  private static void eachMatch(Pattern pattern, BiConsumer<Line, String> use) throws IOException {
    for (String document : Documents.all()) {
      for (Line line : Documents.prose(document)) {
        Matcher matcher = pattern.matcher(line.text());
        while (matcher.find()) {
          use.accept(line, matcher.group(1));
        }
      }
    }
  }
}
