package io.moepress.recipes.recipe;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SortedSet;
import java.util.TreeSet;

/// Finds all mistakes of a recipe, where [RecipeReader] stops at the first.
///
/// What is wrong is taken out, or replaced when a recipe needs it, and the rest is read again,
/// until nothing is wrong any more. Mistakes that only follow from something taken out are not
/// told.
public final class RecipeLinter {
  private static final String NO_DIGEST = "0".repeat(64);

  private final Path file;
  private final byte[] bytes;
  private final MethodCatalog catalog;
  private final SortedSet<String> removed = new TreeSet<>();
  private final List<String> problems = new ArrayList<>();

  private RecipeLinter(Path file, byte[] bytes, MethodCatalog catalog) {
    this.file = file;
    this.bytes = bytes;
    this.catalog = catalog;
  }

  /// What was found.
  ///
  /// @param recipe the recipe; empty when there are problems
  /// @param problems one message each, in the order in which they were met
  /// @param root the recipe as a tree; empty when it is no YAML
  public record Lint(Optional<Recipe> recipe, List<String> problems, Optional<YamlNode> root) {
    public Lint {
      problems = List.copyOf(problems);
    }

    /// The line of a path such as `steps[0]`, counted from 1; empty when there is no such node.
    public OptionalInt line(String path) {
      return root.flatMap(node -> node.find(path))
          .map(node -> OptionalInt.of(node.line()))
          .orElse(OptionalInt.empty());
    }
  }

  /// Reads a recipe from a file.
  ///
  /// @throws IOException if the file cannot be read
  public static Lint lint(Path file, MethodCatalog catalog) throws IOException {
    try {
      Recipe recipe = RecipeReader.read(file, catalog);
      byte[] bytes = Files.readAllBytes(file);
      return new Lint(Optional.of(recipe), List.of(), Optional.of(YamlNode.parse(file, bytes)));
    } catch (RecipeException e) {
      return Files.isRegularFile(file)
          ? new RecipeLinter(file, bytes(file), catalog).lint()
          : new Lint(Optional.empty(), List.of(String.valueOf(e.getMessage())), Optional.empty());
    }
  }

  private static byte[] bytes(Path file) throws IOException {
    try (InputStream input = Files.newInputStream(file)) {
      return input.readNBytes(YamlSource.LARGEST_FILE + 1);
    }
  }

  private Lint lint() {
    YamlNode whole;
    try {
      whole = YamlNode.parse(file, bytes);
    } catch (RecipeException e) {
      return new Lint(Optional.empty(), List.of(String.valueOf(e.getMessage())), Optional.empty());
    }
    Optional<RecipeException> problem = firstProblem();
    while (problem.isPresent() && takeOut(whole, problem.get())) {
      problem = firstProblem();
    }
    return new Lint(Optional.empty(), problems, Optional.of(whole));
  }

  /// Reads what is left; a new tree each time, since a tree remembers what it was asked for.
  private Optional<RecipeException> firstProblem() {
    YamlNode rest = YamlNode.parse(file, bytes).without(removed, substitutes());
    try {
      Recipe _ = new RecipeReader(catalog).recipe(file, NO_DIGEST, rest);
      return Optional.empty();
    } catch (RecipeException e) {
      return Optional.of(e);
    }
  }

  /// Something sound for each key that a recipe cannot do without.
  private Map<String, YamlNode> substitutes() {
    String text =
        "model: (model)\noutput: (output)\nsteps: [{prune: {method: "
            + catalog.pruneNames().iterator().next()
            + ", keep: 50%}}]\ncompare: {random: 0, candidates: [{prune: {method: "
            + catalog.pruneNames().iterator().next()
            + ", keep: 50%}}]}\n";
    YamlNode tree = YamlNode.parse(file, text.getBytes(StandardCharsets.UTF_8));
    return Map.of(
        "model", tree.required("model", "a directory"),
        "output", tree.required("output", "a directory"),
        "steps", tree.required("steps", "a list"),
        "compare", tree.required("compare", "a map"));
  }

  /// Takes out what a problem is about, or what that is part of.
  ///
  /// @return whether there was something to take out
  private boolean takeOut(YamlNode whole, RecipeException problem) {
    String path = problem.path();
    if (removed.stream().noneMatch(gone -> isWithin(gone, path))) {
      problems.add(String.valueOf(problem.getMessage()));
    }
    String target = path;
    while (!target.isEmpty() && !canGo(whole, target)) {
      target = parent(target);
    }
    return !target.isEmpty() && removed.add(target);
  }

  private boolean canGo(YamlNode whole, String path) {
    return !removed.contains(path)
        && (whole.find(path).isPresent() || substitutes().containsKey(path));
  }

  /// Whether the node at `inner` is the one at `outer`, or part of it.
  private static boolean isWithin(String inner, String outer) {
    return inner.equals(outer) || inner.startsWith(outer + ".") || inner.startsWith(outer + "[");
  }

  private static String parent(String path) {
    return path.substring(0, Math.max(0, Math.max(path.lastIndexOf('.'), path.lastIndexOf('['))));
  }
}
