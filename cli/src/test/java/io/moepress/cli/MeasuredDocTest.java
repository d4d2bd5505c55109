package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.recipes.recipe.Contender;
import io.moepress.recipes.recipe.Recipe;
import io.moepress.recipes.recipe.RecipeReader;
import io.moepress.recipes.recipe.RecipeStep;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The measured tables of the docs are of all methods, and are what the examples make.
class MeasuredDocTest {
  private static final Path ROOT = Path.of("..");
  private static final Path DOCS = ROOT.resolve("docs/methods.md");
  private static final String MARKER = "<!-- comparison: ";

  @ParameterizedTest
  @ValueSource(strings = {"tiny-qwen3moe", "tiny-deepseekv3", "tiny-mixtral"})
  void everyMethodIsCompared(String model) throws IOException {
    List<String> compared =
        contenders(model).stream()
            .flatMap(contender -> contender.steps().stream())
            .map(RecipeStep::name)
            .distinct()
            .toList();

    assertThat(compared).containsAll(new Methods().pruneNames());
  }

  @Test
  void everyTableHasARowForEveryCandidateAndBudget() throws IOException {
    List<String> models =
        Files.readAllLines(DOCS).stream()
            .filter(line -> line.startsWith(MARKER))
            .map(line -> line.substring(MARKER.length(), line.length() - " -->".length()))
            .toList();

    assertThat(models).contains("tiny-qwen3moe", "tiny-mixtral", "tiny-deepseekv3");
    for (String model : models) {
      assertThat(table(model)).as(model).containsExactlyInAnyOrderElementsOf(rows(model));
      assertThat(ROOT.resolve("docs/images/compare-" + model + ".svg")).exists();
    }
  }

  /// Tables are measured one after another, so a version in each would be another in each. It is
  /// left out when a table is pasted.
  @Test
  void noTableNamesAVersion() throws IOException {
    assertThat(Files.readAllLines(DOCS)).noneMatch(line -> line.contains("moepress 0."));
  }

  private static List<String> rows(String model) throws IOException {
    return contenders(model).stream()
        .map(contender -> "| `" + contender.name() + "` | " + contender.budget() + " | ")
        .distinct()
        .toList();
  }

  private static List<String> table(String model) throws IOException {
    return Files.readAllLines(DOCS).stream()
        .dropWhile(line -> !line.equals(MARKER + model + " -->"))
        .takeWhile(line -> !line.equals("<!-- end -->"))
        .filter(line -> line.startsWith("| `"))
        .map(line -> line.replaceFirst("^((\\| [^|]* ){2}\\| ).*$", "$1"))
        .toList();
  }

  private static List<Contender> contenders(String model) throws IOException {
    Path file = ROOT.resolve("recipes/examples/compare-" + model + ".yaml");
    Recipe recipe = RecipeReader.read(file, new Methods());
    return recipe.comparison().orElseThrow().contenders();
  }
}
