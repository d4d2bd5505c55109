package io.moepress.recipes.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SparsifyReaderTest {

  @ParameterizedTest
  @CsvSource({"sparsity: 40%, 40%", "sparsity: 0.4, 40%", "pattern: 2:4, 2:4", "pattern: 1:8, 1:8"})
  void bothWaysToSayHowManyRead(String key, String pattern) {
    SparsifyStep step = read("{method: idle, " + key + "}");

    assertThat(step.pattern()).hasToString(pattern);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{method: idle} | no number of zeros (expected sparsity or pattern)",
        "{method: idle, sparsity: 40%, pattern: 2:4} | both sparsity and pattern",
        "{method: idle, sparsity: 100%} | 100% (expected at least 0% and less than 100%)",
        "{method: idle, sparsity: 60%} | sparsity: 60% (expected at most 50%)",
        "{method: idle, sparsity: 2:4} | \"2:4\" (expected a share such as 40% or 0.4)",
        "{method: idle, pattern: 4:4} | 4:4 (expected fewer zeros than neighbours",
        "{method: idle, pattern: 40%} | \"40%\" (expected zeros:neighbours such as 2:4)",
        "{method: idel, sparsity: 40%} | Did you mean \"idle\"?",
        "{method: idle, sparsity: 40%, scope: expert} | Did you mean \"experts\"?",
        "{method: idle, sparsity: 40%, starved: fail} | \"fail\"",
        "{method: idle, sparsity: 40%, gate-power: 1} | gate-power: 1 (expected 0 or 2)",
        "{method: idle, sparsity: 40%, sequential: 3} | sequential",
        "{method: idle, sparsety: 40%} | unknown key \"sparsety\"",
      })
  void whatCannotBeIsRefusedWithItsLine(String step, String problem) {
    assertThatExceptionOfType(RecipeException.class)
        .isThrownBy(() -> read(step))
        .withMessageStartingWith("recipe.yaml:4: ")
        .withMessageContaining(problem);
  }

  @Test
  void anUnknownKindOfStepNamesTheKindsThereAre() {
    assertThatExceptionOfType(RecipeException.class)
        .isThrownBy(() -> recipe("  - sparsity: {method: idle}\n"))
        .withMessageContaining("sparsify");
  }

  private static SparsifyStep read(String step) {
    return (SparsifyStep) recipe("  - sparsify: " + step + "\n").steps().getFirst();
  }

  private static Recipe recipe(String steps) {
    return RecipeReader.read(
        Path.of("recipe.yaml"),
        ("model: in\noutput: out\nsteps:\n" + steps).getBytes(StandardCharsets.UTF_8),
        new SampleMethods());
  }
}
