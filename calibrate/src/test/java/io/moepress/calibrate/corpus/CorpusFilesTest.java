package io.moepress.calibrate.corpus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.FormatException;
import io.moepress.recipes.recipe.CalibrationSpec;
import io.moepress.recipes.recipe.CalibrationSpec.Order;
import io.moepress.recipes.recipe.DataSource;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Which files make a corpus, and how much of each.
class CorpusFilesTest {
  private static final Path MODEL = TestData.path("models/tiny-qwen3moe");

  @TempDir Path folder;
  private Path checkpoint;

  @BeforeEach
  void tokenizerAndTemplate() throws IOException {
    checkpoint = Files.createDirectory(folder.resolve("checkpoint"));
    Files.copy(MODEL.resolve("tokenizer.json"), checkpoint.resolve("tokenizer.json"));
    Files.copy(MODEL.resolve("chat_template.jinja"), checkpoint.resolve("chat_template.jinja"));
  }

  // Conversations.

  @Test
  void aConversationIsRenderedAndNothingIsAdded() throws IOException {
    Path chat =
        write(
            "chat.jsonl",
            "{\"messages\": [{\"role\": \"user\", \"content\": \"1 + 1?\"}, {\"role\": \"assistant\","
                + " \"content\": \"2\"}]}\n");

    int[] ids = read(List.of(source(chat))).sequences().getFirst().ids();

    try (CorpusReader reader = new CorpusReader(checkpoint)) {
      assertThat(ids)
          .isEqualTo(
              reader.encode(
                  "<|im_start|>user\n1 + 1?<|im_end|>\n<|im_start|>assistant\n2<|im_end|>\n"));
    }
  }

  /// The post-processor adds to a text, and not to a conversation, which has its special tokens.
  @Test
  void specialTokensAreAddedToTextsOnly() throws IOException {
    Path tokenizer = checkpoint.resolve("tokenizer.json");
    String text = Files.readString(tokenizer);
    assertThat(text).containsPattern("\"post_processor\":\\s*\\{");
    int begin = text.indexOf("\"post_processor\"");
    int end = text.indexOf("\"decoder\"");
    Files.writeString(
        tokenizer,
        text.substring(0, begin)
            + "\"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\":"
            + " {\"id\": \"B\", \"type_id\": 0}}, {\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}],"
            + " \"pair\": [{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}, {\"Sequence\": {\"id\":"
            + " \"B\", \"type_id\": 1}}], \"special_tokens\": {\"B\": {\"id\": \"B\", \"ids\": [7],"
            + " \"tokens\": [\"B\"]}}},\n"
            + text.substring(end));
    Files.writeString(checkpoint.resolve("chat_template.jinja"), "{{ messages[0].content }}");
    Path data =
        write(
            "data.jsonl",
            "{\"text\": \"one\"}\n{\"messages\": [{\"role\": \"user\", \"content\": \"one\"}]}\n");

    List<TokenSequence> sequences = read(List.of(source(data))).sequences();

    int[] added = sequences.getFirst().ids();
    assertThat(added[0]).isEqualTo(7);
    assertThat(sequences.getLast().ids()).isEqualTo(Arrays.copyOfRange(added, 1, added.length));
  }

  @Test
  void aRefusalNamesTheLineOfTheConversation() throws IOException {
    Files.writeString(
        checkpoint.resolve("chat_template.jinja"), "{{ raise_exception('no system here') }}");
    Path chat =
        write(
            "chat.jsonl",
            "{\"text\": \"a\"}\n{\"messages\": [{\"role\": \"system\", \"content\": \"a\"}]}\n");

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> read(List.of(source(chat))))
        .withMessage(
            "%s:2: %s: chat template: line 1: the template refuses the conversation: no system here",
            chat, checkpoint.resolve("chat_template.jinja"));
  }

  // Plain text and directories.

  @Test
  void aFileOfTextIsCutIntoPieces() throws IOException {
    String text = "Natalia sold clips to 48 of her friends. ".repeat(20);
    Path file = write("text.md", text);

    List<TokenSequence> pieces = read(List.of(source(file))).sequences();

    assertThat(pieces.size()).isGreaterThan(2);
    assertThat(pieces.subList(0, pieces.size() - 1)).allMatch(piece -> piece.length() == 32);
    int[] joined = pieces.stream().flatMapToInt(piece -> Arrays.stream(piece.ids())).toArray();
    try (CorpusReader reader = new CorpusReader(checkpoint)) {
      assertThat(joined).isEqualTo(reader.encode(text));
    }
  }

  @Test
  void aDirectoryIsItsFilesInTheOrderOfTheirPaths() throws IOException {
    ids("corpus/b.jsonl", 2);
    ids("corpus/a/z.json", 1);
    ids("corpus/.hidden/a.jsonl", 9);
    ids("corpus/c.jsonl", 3);
    write("corpus/readme.rst", "no data");

    Corpus corpus = read(List.of(source(folder.resolve("corpus"))));

    assertThat(firstIds(corpus)).containsExactly(1, 2, 3);
    assertThat(corpus.domains()).extracting(Domain::name).containsExactly("corpus");
  }

  @Test
  void otherKindsOfFilesAreRefused() throws IOException {
    Path file = write("data.parquet", "PAR1");
    Path empty = Files.createDirectories(folder.resolve("empty"));

    assertRefused(source(file), "unknown kind of file (expected .jsonl or .json with a sample on");
    assertRefused(source(empty), "no file of texts in it (expected .jsonl or .json with a sample");
  }

  @Test
  void aBlankFileOfTextIsRefused() throws IOException {
    assertRefused(source(write("blank.txt", " \n")), "the file holds no text");
  }

  // Mixes.

  @Test
  void aMixTakesTheShareOfEachSource() throws IOException {
    DataSource many = weighted(ids("many.jsonl", IntStream.range(0, 20).toArray()), 3);
    DataSource few = weighted(ids("few.jsonl", IntStream.range(100, 120).toArray()), 1);

    assertThat(firstIds(read(mix(List.of(many, few), 8))))
        .containsExactly(0, 1, 2, 3, 4, 5, 100, 101);
  }

  @Test
  void aSourceWithLessThanItsShareIsRefused() throws IOException {
    DataSource many = weighted(ids("many.jsonl", 1, 2, 3), 3);
    DataSource few = weighted(ids("few.jsonl", 4, 5, 6), 1);

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> read(mix(List.of(many, few), 8)))
        .withMessage(
            "%s: 3 samples (expected 6, its share by weight of the 8 samples of the calibration). Ask"
                + " for fewer samples, or give it less weight.",
            many.file());
  }

  private static CalibrationSpec mix(List<DataSource> data, int samples) {
    return new CalibrationSpec(data, OptionalInt.of(samples), 32, Order.FILE, 0);
  }

  private static DataSource weighted(Path file, double weight) {
    return new DataSource(file, OptionalInt.empty(), OptionalDouble.of(weight), "mix");
  }

  private void assertRefused(DataSource source, String message) {
    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> read(List.of(source)))
        .withMessageStartingWith(source.file() + ": " + message);
  }

  private Corpus read(List<DataSource> sources) throws IOException {
    return read(new CalibrationSpec(sources, 32, Order.FILE));
  }

  private Corpus read(CalibrationSpec spec) throws IOException {
    try (CorpusReader reader = new CorpusReader(checkpoint)) {
      return reader.read(spec, 0);
    }
  }

  private static DataSource source(Path file) {
    return new DataSource(file, OptionalInt.empty(), DataSource.domain(file));
  }

  /// A file with a sample of one token on each line.
  private Path ids(String name, int... ids) throws IOException {
    StringBuilder lines = new StringBuilder();
    Arrays.stream(ids).forEach(id -> lines.append("{\"input_ids\": [").append(id).append("]}\n"));
    return write(name, lines.toString());
  }

  private Path write(String name, String text) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    return Files.writeString(file, text);
  }

  private static List<Integer> firstIds(Corpus corpus) {
    return corpus.sequences().stream().map(sequence -> sequence.ids()[0]).toList();
  }
}
