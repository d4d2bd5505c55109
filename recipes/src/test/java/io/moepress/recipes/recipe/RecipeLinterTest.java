package io.moepress.recipes.recipe;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.recipes.recipe.RecipeLinter.Lint;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RecipeLinterTest {
  private static final String RECIPE =
      """
      model: in
      output: out
      target: transformers
      calibration:
        data: [math.jsonl, {file: code.jsonl, samples: 3}]
        max-tokens: 512
      steps:
        - prune:
            method: random
            seed: 3
            keep: 50%
            protect: {super-experts: true, experts: ["3:17"]}
      evaluate:
        data: [math.jsonl]
        baselines: [random]
        gates:
          perplexity-ratio: 1.25
      """;

  private static final List<String> BAD_VALUES =
      List.of("[]", "{}", "-1", "soon", "\"\"", "[[1]]", "", "{kep: 1}", "2026-01-01");

  @TempDir Path folder;

  @Test
  void aSoundRecipeHasNoProblems() throws IOException {
    Lint lint = lint(RECIPE);

    assertThat(lint.problems()).isEmpty();
    assertThat(lint.recipe()).isPresent();
    assertThat(lint.line("steps[0]")).hasValue(8);
    assertThat(lint.line("calibration.data[1]")).hasValue(5);
    assertThat(lint.line("steps[1]")).isEmpty();
  }

  @Test
  void whatFollowsFromAnotherMistakeIsNotTold() throws IOException {
    String text = RECIPE.replace("keep: 50%", "keep: most").replace("samples: 3", "samples: few");

    assertThat(lint(text).problems())
        .satisfiesExactly(
            problem -> assertThat(problem).contains(":5: calibration.data[1].samples: \"few\""),
            problem -> assertThat(problem).contains(":11: steps[0].prune.keep: \"most\""));
  }

  @Test
  void twoMistakesOfOneStepAreBothTold() throws IOException {
    String text = RECIPE.replace("seed: 3", "seed: x").replace("\"3:17\"", "\"3-17\"");

    assertThat(lint(text).problems())
        .satisfiesExactly(
            problem -> assertThat(problem).contains("protect.experts[0]: \"3-17\""),
            problem -> assertThat(problem).contains("steps[0].prune.seed: \"x\""));
  }

  @Test
  void everyUnknownKeyIsTold() throws IOException {
    String text = "one: 1\n" + RECIPE + "two: 2\n";

    assertThat(lint(text).problems())
        .satisfiesExactly(
            problem -> assertThat(problem).contains(":1: unknown key \"one\""),
            problem -> assertThat(problem).contains(":19: unknown key \"two\""));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "- a\n", "a: [\n", "a: 1\na: 2\n", "a: &x 1\n", "just text", "\t"})
  void whatIsNoRecipeAtAllHasOneProblem(String text) throws IOException {
    Lint lint = lint(text);

    assertThat(lint.problems()).hasSize(1);
    assertThat(lint.recipe()).isEmpty();
  }

  @Test
  void noFileIsAProblemToo() throws IOException {
    assertThat(RecipeLinter.lint(folder.resolve("no.yaml"), new SampleMethods()).problems())
        .containsExactly(folder.resolve("no.yaml") + ": no such file (expected a recipe)");
  }

  /// Lines are lost, doubled or get another value. The linter comes to an end, tells nothing twice,
  /// and begins with what the reader would have said.
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void theFirstProblemIsThatOfTheReader(long seed) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    for (int round = 0; round < 40; round++) {
      String text = damaged(random);

      Lint lint = lint(text);

      Optional<String> refusal = refusal(text);
      assertThat(lint.problems().stream().findFirst()).as(text).isEqualTo(refusal);
      assertThat(lint.recipe().isPresent()).isEqualTo(refusal.isEmpty());
      assertThat(lint.problems()).doesNotHaveDuplicates();
    }
  }

  private static String damaged(SplittableRandom random) {
    List<String> lines = new ArrayList<>(RECIPE.lines().toList());
    for (int i = 1 + random.nextInt(4); i > 0; i--) {
      int line = random.nextInt(lines.size());
      switch (random.nextInt(3)) {
        case 0 -> lines.remove(line);
        case 1 -> lines.add(line, lines.get(random.nextInt(lines.size())));
        default -> {
          int colon = lines.get(line).indexOf(':');
          String value = BAD_VALUES.get(random.nextInt(BAD_VALUES.size()));
          lines.set(line, lines.get(line).substring(0, colon < 0 ? 0 : colon + 1) + " " + value);
        }
      }
    }
    return String.join("\n", lines) + "\n";
  }

  private Optional<String> refusal(String text) {
    try {
      RecipeReader.read(
          folder.resolve("recipe.yaml"),
          text.getBytes(StandardCharsets.UTF_8),
          new SampleMethods());
      return Optional.empty();
    } catch (RecipeException e) {
      return Optional.ofNullable(e.getMessage());
    }
  }

  private Lint lint(String text) throws IOException {
    Path file = Files.writeString(folder.resolve("recipe.yaml"), text);
    return RecipeLinter.lint(file, new SampleMethods());
  }
}
