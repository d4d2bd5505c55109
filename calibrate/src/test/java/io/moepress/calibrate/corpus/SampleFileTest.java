package io.moepress.calibrate.corpus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.calibrate.corpus.Sample.Chat;
import io.moepress.calibrate.corpus.Sample.Question;
import io.moepress.calibrate.corpus.Sample.Text;
import io.moepress.calibrate.corpus.Sample.TokenIds;
import io.moepress.formats.FormatException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SampleFileTest {
  @TempDir Path folder;

  @Test
  void aLineIsATextTokenIdsOrAQuestion() throws IOException {
    List<Sample> samples =
        read(
            """
            {"text": "Größe 🦊"}

            {"input_ids": [5, 0, 7], "note": "ignored"}
            {"context": "1 + 1 =", "choices": [" 2", " 3"], "answer": 0}
            """);

    assertThat(samples).hasSize(3);
    assertThat(samples.get(0)).isEqualTo(new Text("Größe 🦊"));
    assertThat(((TokenIds) samples.get(1)).ids()).containsExactly(5, 0, 7);
    assertThat(samples.get(2)).isEqualTo(new Question("1 + 1 =", List.of(" 2", " 3"), 0));
  }

  @Test
  void messagesAreKeptAsTheyAre() throws IOException {
    Sample sample =
        read("{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\":"
                + " \"a\"}], \"n\": null, \"x\": 1.5}]}")
            .getFirst();

    Chat chat = (Chat) sample;
    assertThat(chat.where()).endsWith("data.jsonl:1");
    assertThat(chat.messages()).hasSize(1);
    assertThat(chat.messages().getFirst())
        .containsEntry("role", "user")
        .containsEntry("content", List.of(Map.of("type", "text", "text", "a")))
        .containsEntry("n", null)
        .containsEntry("x", 1.5);
  }

  @ParameterizedTest
  @ValueSource(strings = {"\n", "\r\n", "\r"})
  void linesMayEndAsOnAnySystem(String end) throws IOException {
    assertThat(read("{\"text\": \"a\"}" + end + "{\"text\": \"b\"}"))
        .containsExactly(new Text("a"), new Text("b"));
  }

  // Errors name file and line.

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"text\": \"a\"              | not valid JSON",
        "{\"text\": \"a\"} {}          | not valid JSON",
        "hello                         | not valid JSON",
        "[\"text\"]                    | expected an object",
        "{\"text\": 5}                 | keys [text] (expected {\"text\": ...}, {\"messages\"",
        "{\"txt\": \"a\"}              | keys [txt] (expected",
        "{\"input_ids\": \"5\"}        | keys [input_ids] (expected",
        "{\"input_ids\": [5, -1]}      | token id -1 (expected an index)",
        "{\"input_ids\": [5.5]}        | token id 5.5 (expected an index)",
        "{\"input_ids\": [\"a\"]}      | token id \"a\" (expected an index)",
        "{\"messages\": []}           | no messages (expected at least one)",
        "{\"messages\": \"hi\"}         | keys [messages] (expected",
        "{\"messages\": [5]}          | message 1: 5 (expected {\"role\": ..., \"content\": ...})",
        "{\"messages\": [{\"role\": \"user\"}]}   | message 1: {\"role\":\"user\"} (expected {",
        "{\"messages\": [{\"content\": \"a\"}]}  | message 1: {\"content\":\"a\"} (expected {",
        "{\"input_ids\": [3000000000]} | token id 3000000000 (expected an index)",
      })
  void aMalformedLineIsNamed(String line, String message) throws IOException {
    assertRefused(line, message);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"context\": \"a\", \"choices\": [\"b\"], \"answer\": 0}",
        "{\"context\": \"a\", \"choices\": [], \"answer\": 0}",
        "{\"context\": \"a\", \"choices\": [\"b\", \"c\"], \"answer\": 2}",
        "{\"context\": \"a\", \"choices\": [\"b\", \"c\"], \"answer\": -1}",
        "{\"context\": \"a\", \"choices\": [\"b\", \"c\"], \"answer\": \"none\"}",
        "{\"context\": \"a\", \"choices\": [\"b\", \"c\"], \"answer\": 0.5}",
        "{\"context\": \"a\", \"choices\": [\"b\", 5], \"answer\": 0}",
        "{\"context\": \"a\", \"choices\": [\"b\", \"\"], \"answer\": 0}",
        "{\"context\": \"a\", \"choices\": \"bc\", \"answer\": 0}",
        "{\"context\": \"a\", \"choices\": {\"b\": \"c\", \"d\": \"e\"}, \"answer\": 0}",
        "{\"context\": 5, \"choices\": [\"b\", \"c\"], \"answer\": 0}",
      })
  void aQuestionNeedsAContextChoicesAndTheRightOne(String line) throws IOException {
    assertRefused(line, "a question needs a text as context, two or more texts as choices");
  }

  private void assertRefused(String line, String message) throws IOException {
    Path file =
        Files.writeString(folder.resolve("data.jsonl"), "{\"text\": \"a\"}\n\n" + line + "\n");

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> SampleFile.read(file))
        .withMessageStartingWith(file + ":3: ")
        .withMessageContaining(message);
  }

  @Test
  void aLineThatIsNoUtf8IsNamed() throws IOException {
    Path file = folder.resolve("latin1.jsonl");
    Files.writeString(
        file, "{\"text\": \"a\"}\n{\"text\": \"Größe\"}\n", StandardCharsets.ISO_8859_1);

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> SampleFile.read(file))
        .withMessage("%s:2: not valid UTF-8", file);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "\n\n", " \n\t\n"})
  void aFileWithoutSamplesIsRefused(String text) throws IOException {
    Path file = Files.writeString(folder.resolve("data.jsonl"), text);

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> SampleFile.read(file))
        .withMessageStartingWith("%s: the file holds no samples (JSON lines; expected {", file);
  }

  @Test
  void aFileThatIsNotThereIsRefused() {
    for (Path file : List.of(folder.resolve("none.jsonl"), folder)) {
      assertThatExceptionOfType(FormatException.class)
          .isThrownBy(() -> SampleFile.read(file))
          .withMessage("%s: no such file", file);
    }
  }

  private List<Sample> read(String text) throws IOException {
    return SampleFile.read(Files.writeString(folder.resolve("data.jsonl"), text));
  }
}
