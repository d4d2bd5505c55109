package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.cli.DocumentedCommands.Outcome;
import io.moepress.cli.DocumentedCommands.Scene;
import io.moepress.cli.Documents.Block;
import io.moepress.recipes.recipe.RecipeReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Everything in the documents that looks like a command does what a reader expects of it. The
/// commands run as they are printed, in a directory in which the files they name are small ones.
class DocumentedCommandsTest {
  /// Programs of others, by the first word, and why they are not run.
  private static final Map<String, String> OTHERS =
      Map.ofEntries(
          Map.entry("./build", "builds everything, this test included"),
          Map.entry("build-config/check-image.sh", "needs an image"),
          Map.entry("build-config/check-reproducible.sh", "builds two images"),
          Map.entry("cd", "changes the directory of the shell"),
          Map.entry("docker", "needs a daemon and a network"),
          Map.entry("echo", "is the shell's"),
          Map.entry("git", "needs a network"),
          Map.entry("java", "needs the jars of Jazzer"),
          Map.entry("mkdir", "makes a folder outside of ours"),
          Map.entry("npm", "needs a network"),
          Map.entry("sha256sum", "needs the archive of an image"),
          Map.entry("tar", "needs the archive of an image"));

  /// What runs for long, by the recipe. Its recipe is checked instead; the first is run by
  /// `QuickstartTest`, the others by `DocumentedCommandsProof`.
  static final Set<String> LONG =
      Set.of(
          "recipes/examples/quickstart.yaml",
          "recipes/examples/compare-tiny-qwen3moe.yaml",
          "recipes/examples/compare-tiny-mixtral.yaml",
          "recipes/examples/compare-tiny-deepseekv3.yaml",
          "recipes/examples/compare-bits-tiny-qwen3moe.yaml",
          "recipes/examples/compare-bits-tiny-mixtral.yaml",
          "recipes/examples/compare-merging-tiny-qwen3moe.yaml",
          "recipes/examples/compare-merging-tiny-mixtral.yaml");

  /// What does not end with 0, and shall not.
  private static final Map<String, Integer> EXIT_CODES =
      Map.of("./moepress run recipes/examples/gate-missed.yaml", ExitCode.GATE_MISSED);

  /// How long all commands together may take at most.
  private static final int MINUTES = 10;

  private static final Set<String> WHOLE = Set.of("model", "output", "steps");

  /// The first line of the block that shows a recipe with mistakes.
  private static final String MISTAKEN = "$ moepress recipe check recipe.yaml";

  @TempDir private Path folder = Path.of("");

  @Test
  void everyCommandRunsAsPrinted() throws IOException, InterruptedException {
    Map<Block, List<ShellLines>> blocks = blocks();
    DocumentedFiles.make(DocumentedProcess.fixtures(folder));
    List<Scene> scenes = new ArrayList<>();
    List<ShellLines> lines = new ArrayList<>();
    blocks.forEach((block, commands) -> {
      scenes.add(scene(block, commands));
      lines.addAll(commands);
    });
    for (Block block : blocks.keySet()) {
      if (isMistaken(block) || isRecipe(block)) {
        Path own =
            Files.createDirectories(folder.resolve("for " + block.where().replace('/', ' ')));
        Files.writeString(
            own.resolve("recipe.yaml"),
            isRecipe(block) ? block.text() : DocumentedFiles.MISTAKEN_RECIPE);
      }
    }

    List<Outcome> outcomes = new DocumentedProcess(folder, MINUTES).run(scenes);

    List<String> wrong = new ArrayList<>();
    Iterator<Outcome> outcome = outcomes.iterator();
    blocks.forEach((block, commands) -> {
      for (ShellLines line : commands) {
        judge(block, line, outcome.next(), wrong);
      }
    });
    assertThat(wrong).isEmpty();
    assertThat(lines).hasSizeGreaterThan(35);
  }

  static Map<Block, List<ShellLines>> blocks() throws IOException {
    Map<Block, List<ShellLines>> blocks = new LinkedHashMap<>();
    for (String document : Documents.all()) {
      for (Block block : Documents.blocks(document)) {
        if (isRecipe(block)) {
          List<String> check = List.of("moepress", "recipe", "check", "recipe.yaml");
          blocks.put(block, List.of(new ShellLines(block.where(), "a recipe", check)));
        }
        if (!block.language().equals("sh") && !block.language().isEmpty()) {
          continue;
        }
        List<ShellLines> ours = ShellLines.of(block).stream().filter(ShellLines::isOurs).toList();
        if (!ours.isEmpty()) {
          blocks.put(block, ours);
        }
      }
    }
    return blocks;
  }

  /// Whether a block is a recipe from its first key to its last; such a one passes the check.
  private static boolean isRecipe(Block block) {
    return block.language().equals("yaml") && parts(block.text()).keySet().containsAll(WHOLE);
  }

  private static Scene scene(Block block, List<ShellLines> commands) {
    List<String> made = new ArrayList<>();
    List<List<String>> lines = new ArrayList<>();
    for (ShellLines command : commands) {
      List<String> words = command.arguments();
      for (int i = 1; i < words.size(); i++) {
        if (words.get(i - 1).matches("-o|--output")) {
          made.add(words.get(i));
        }
      }
      lines.add(isLong(command) ? List.of("recipe", "check", words.get(1)) : words);
    }
    return new Scene(block.where(), made, lines);
  }

  private static boolean isLong(ShellLines command) {
    return command.arguments().size() > 1 && LONG.contains(command.arguments().get(1));
  }

  private static boolean isMistaken(Block block) {
    return block.lines().getFirst().equals(MISTAKEN);
  }

  private static void judge(Block block, ShellLines line, Outcome outcome, List<String> wrong) {
    int expected =
        isMistaken(block) ? ExitCode.USAGE : EXIT_CODES.getOrDefault(line.printed(), ExitCode.DONE);
    if (outcome.exitCode() != expected) {
      wrong.add(
          line.where()
              + ": "
              + line.printed()
              + ": exit code "
              + outcome.exitCode()
              + " (expected "
              + expected
              + ")\n"
              + outcome.out()
              + outcome.err());
    }
    if (DocumentedFiles.SHOWN.contains(block.lines().getFirst())) {
      requireShown(block, outcome, wrong);
    }
  }

  /// What the document shows of the output is what comes out, but for lines with an ellipsis.
  private static void requireShown(Block block, Outcome outcome, List<String> wrong) {
    List<String> printed = outcome.out().lines().map(String::strip).toList();
    block.lines().stream()
        .skip(1)
        .filter(line -> !line.contains("..."))
        .filter(line -> !printed.contains(line.strip()))
        .forEach(line -> wrong.add(block.where() + ": is not printed: " + line));
  }

  @Test
  void everyOtherProgramIsListed() throws IOException {
    List<String> unknown = new ArrayList<>();
    Set<String> programs = new TreeSet<>();
    for (String document : Documents.all()) {
      for (Block block : Documents.blocks(document)) {
        if (block.language().equals("sh") || block.lines().getFirst().startsWith("$ ")) {
          for (ShellLines line : ShellLines.of(block)) {
            if (!line.isOurs() && !OTHERS.containsKey(line.words().getFirst())) {
              unknown.add(line.where() + ": " + line.printed());
            }
            programs.add(line.words().getFirst());
          }
        }
      }
    }

    assertThat(unknown).isEmpty();
    assertThat(programs).containsAll(OTHERS.keySet());
  }

  @Test
  void everyExceptionIsNeeded() throws IOException {
    List<ShellLines> lines = blocks().values().stream().flatMap(List::stream).toList();

    for (String recipe : LONG) {
      assertThat(lines).as(recipe).anyMatch(line -> line.arguments().contains(recipe));
    }
    for (String line : EXIT_CODES.keySet()) {
      assertThat(lines).as(line).anyMatch(each -> each.printed().equals(line));
    }
  }

  /// A part of a recipe takes the place of that part of the first recipe of the README.
  @Test
  void everyRecipeIsRead() throws IOException {
    SortedMap<String, String> base = parts(DocumentedFiles.firstRecipe());
    int read = 0;
    for (String document : Documents.all()) {
      for (Block block : Documents.blocks(document)) {
        SortedMap<String, String> parts = parts(block.text());
        if (!block.language().equals("yaml")
            || parts.containsKey("jobs")
            || parts.containsKey("compress")) {
          continue;
        }
        SortedMap<String, String> whole = new TreeMap<>(base);
        if (parts.containsKey("compare")) {
          whole.remove("steps");
          whole.put("evaluate", "evaluate: {data: [held-out.jsonl]}\n");
        }
        whole.putAll(parts);
        Path file = folder.resolve("recipe" + read + ".yaml");
        Files.writeString(file, String.join("", whole.values()));
        assertThat(RecipeReader.read(file, new Methods())).as(block.where()).isNotNull();
        read++;
      }
    }

    assertThat(read).isGreaterThan(4);
  }

  /// The keys of the first level with all that stands below them.
  private static SortedMap<String, String> parts(String yaml) {
    SortedMap<String, String> parts = new TreeMap<>();
    String key = "";
    for (String line : yaml.lines().toList()) {
      Matcher matcher = Pattern.compile("^([a-z-]+):.*").matcher(line);
      key = matcher.matches() ? matcher.group(1) : key;
      parts.merge(key, line + "\n", String::concat);
    }
    return parts;
  }

  @Test
  void aLineIsReadAsAShellReadsIt() {
    Block block =
        new Block(
            "x.md",
            1,
            "sh",
            List.of(
                "git clone x && ./moepress run a.yaml   # all of it",
                "moepress convert M \\",
                "  --tensor-type 'a (b|c)=Q8_0' -o \"x y\"",
                "source <(moepress completion bash)   # in ~/.bashrc",
                "moepress completion fish | source",
                "moepress man run | man -l -",
                "(mkdir -p a && cd a)"));

    assertThat(ShellLines.of(block).stream().map(ShellLines::words))
        .containsExactly(
            List.of("git", "clone", "x"),
            List.of("./moepress", "run", "a.yaml"),
            List.of("moepress", "convert", "M", "--tensor-type", "a (b|c)=Q8_0", "-o", "x y"),
            List.of("moepress", "completion", "bash"),
            List.of("moepress", "completion", "fish"),
            List.of("moepress", "man", "run"),
            List.of("mkdir", "-p", "a"),
            List.of("cd", "a"));
  }
}
