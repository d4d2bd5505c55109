package io.moepress.calibrate.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.calibrate.corpus.TokenSequence;
import io.moepress.calibrate.evaluate.EvaluationData.QuestionFile;
import io.moepress.calibrate.evaluate.EvaluationData.TextFile;
import io.moepress.formats.FormatException;
import io.moepress.recipes.recipe.DataSource;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvaluationDataTest {
  private static final Path MODEL = TestData.path("models/tiny-mixtral");
  private static final String QUESTION =
      "{\"context\": \"one two\", \"choices\": [\" three\", \" 🦊\"], \"answer\": 1}\n";

  @TempDir Path folder;

  @Test
  void everyFileIsADomainInItsOrder() throws IOException {
    DataSource texts = file("a.jsonl", "{\"input_ids\": [1, 2]}\n{\"input_ids\": [3, 4, 5]}\n");
    DataSource questions = file("b.jsonl", QUESTION);
    DataSource more = file("c.jsonl", "{\"input_ids\": [6, 7]}\n");

    EvaluationData data = EvaluationData.read(List.of(texts, questions, more), MODEL, 512);

    assertThat(data.files())
        .extracting(EvaluationData.EvaluationFile::file)
        .containsExactly(path("a.jsonl"), path("b.jsonl"), path("c.jsonl"));
    assertThat(data.files().get(0)).isInstanceOf(TextFile.class);
    assertThat(data.files().get(1)).isInstanceOf(QuestionFile.class);
    assertThat(data.corpus().sequences())
        .extracting(TokenSequence::domain)
        .containsExactly(0, 0, 1, 1, 2);
  }

  @Test
  void textsAreCutAndQuestionsAreNot() throws IOException {
    DataSource texts = file("a.jsonl", "{\"input_ids\": [1, 2, 3, 4, 5]}\n");
    DataSource questions = file("b.jsonl", QUESTION);

    List<TokenSequence> sequences =
        EvaluationData.read(List.of(texts, questions), MODEL, 2).corpus().sequences();

    assertThat(sequences.get(0).length()).isEqualTo(2);
    assertThat(sequences.get(1).length()).isGreaterThan(2);
  }

  /// Characters are what a reader counts: a fox is one, though Java stores it as two.
  @Test
  void choicesAreMeasuredInCharacters() throws IOException {
    EvaluationData data = EvaluationData.read(List.of(file("b.jsonl", QUESTION)), MODEL, 512);

    QuestionFile questions = (QuestionFile) data.files().getFirst();
    assertThat(questions.questions().getFirst().characters()).containsExactly(6, 2);
    assertThat(questions.questions().getFirst().answer()).isEqualTo(1);
    assertThat(questions.questions().getFirst().contextTokens())
        .isLessThan(data.corpus().sequences().getFirst().length());
  }

  @Test
  void theFirstSamplesAreTaken() throws IOException {
    Path file = folder.resolve("b.jsonl");
    Files.writeString(file, QUESTION.repeat(5));
    DataSource two = new DataSource(file, OptionalInt.of(2), "b");

    EvaluationData data = EvaluationData.read(List.of(two), MODEL, 512);

    assertThat(((QuestionFile) data.files().getFirst()).questions()).hasSize(2);
    assertThat(data.corpus().sequences()).hasSize(4);
  }

  @Test
  void textsWithNothingToPredictAreRefused() throws IOException {
    DataSource file = file("a.jsonl", "{\"input_ids\": [1]}\n{\"input_ids\": []}\n");

    assertRefused(file, "no text has two tokens, so there is nothing to predict");
  }

  @Test
  void questionsAndTextsDoNotMix() throws IOException {
    assertRefused(
        file("a.jsonl", QUESTION + "{\"input_ids\": [1, 2]}\n"), "mixes questions with texts");
    assertRefused(
        file("b.jsonl", "{\"input_ids\": [1, 2]}\n" + QUESTION),
        "holds multiple-choice questions (expected texts)");
  }

  private void assertRefused(DataSource file, String message) {
    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> EvaluationData.read(List.of(file), MODEL, 512))
        .withMessage("%s: %s", file.file(), message);
  }

  private DataSource file(String name, String lines) throws IOException {
    return new DataSource(
        Files.writeString(folder.resolve(name), lines), OptionalInt.empty(), name);
  }

  private String path(String name) {
    return folder.resolve(name).toString();
  }
}
