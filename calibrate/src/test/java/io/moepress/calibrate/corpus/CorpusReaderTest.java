package io.moepress.calibrate.corpus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.tuple;

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
import java.util.OptionalInt;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CorpusReaderTest {
  private static final Path WITH_TOKENIZER = TestData.path("models/tiny-mixtral");

  @TempDir Path folder;

  // Sequences and domains.

  @Test
  void tokenIdsAreTakenAsTheyAre() throws IOException {
    Corpus corpus = read(source("a", "[5, 6]", "[7]"));

    assertThat(corpus.sequences())
        .extracting(sequence -> Arrays.toString(sequence.ids()), TokenSequence::domain)
        .containsExactly(tuple("[5, 6]", 0), tuple("[7]", 0));
    assertThat(corpus.tokens()).isEqualTo(3);
  }

  @Test
  void sourcesOfTheSameNameAreOneDomain() throws IOException {
    Path first = file("[1]");
    Path second = file("[2]", "[3]");
    Path third = file("[4]");
    List<DataSource> sources =
        List.of(
            new DataSource(first, OptionalInt.empty(), "math"),
            new DataSource(second, OptionalInt.empty(), "code"),
            new DataSource(third, OptionalInt.empty(), "math"));

    Corpus corpus = read(sources, 512, Order.FILE, 0);

    assertThat(corpus.domains()).extracting(Domain::name).containsExactly("math", "code");
    assertThat(corpus.domains().getFirst().file()).isEqualTo(first + " " + third);
    assertThat(firstIds(corpus)).containsExactly(1, 4, 2, 3);
    assertThat(corpus.domainOfTokens()).containsExactly(0, 0, 1, 1);
    assertThat(corpus.starts()).containsExactly(0, 1, 2, 3);
  }

  @Test
  void theFirstSamplesAreTaken() throws IOException {
    DataSource two = new DataSource(file("[1]", "[2]", "[3]"), OptionalInt.of(2), "math");
    DataSource nine = new DataSource(file("[4]", "[5]"), OptionalInt.of(9), "code");

    assertThat(firstIds(read(List.of(two, nine), 512, Order.FILE, 0))).containsExactly(1, 2, 4, 5);
  }

  @Test
  void sequencesAreCutAtTheLargestLength() throws IOException {
    Corpus corpus =
        read(List.of(source("a", "[1, 2, 3, 4]", "[5, 6]", "[7, 8, 9]")), 3, Order.FILE, 0);

    assertThat(corpus.sequences()).extracting(TokenSequence::length).containsExactly(3, 2, 3);
    assertThat(corpus.sequences().getFirst().ids()).containsExactly(1, 2, 3);
  }

  @Test
  void textsWithoutATokenAreLeftOut() throws IOException {
    assertThat(firstIds(read(source("a", "[]", "[5]", "[]")))).containsExactly(5);
  }

  @Test
  void aFileWithoutAnyTokenIsRefused() throws IOException {
    DataSource empty = source("a", "[]", "[]");

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> read(empty))
        .withMessage("%s: no text has a token", empty.file());
  }

  @Test
  void questionsAreNoCorpus() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("choices.jsonl"),
            "{\"context\": \"a\", \"choices\": [\"b\", \"c\"], \"answer\": 0}\n");

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> read(new DataSource(file, OptionalInt.empty(), "a")))
        .withMessage("%s: holds multiple-choice questions (expected texts)", file);
  }

  // Order.

  @ParameterizedTest
  @ValueSource(longs = {0, 1, 42})
  void aShuffledCorpusIsAPermutation(long seed) throws IOException {
    DataSource source = numbered(40);

    List<Integer> shuffled = firstIds(read(List.of(source), 512, Order.SHUFFLED, seed));

    List<Integer> inOrder = IntStream.range(0, 40).boxed().toList();
    assertThat(shuffled).containsExactlyInAnyOrderElementsOf(inOrder).isNotEqualTo(inOrder);
    assertThat(firstIds(read(List.of(source), 512, Order.SHUFFLED, seed))).isEqualTo(shuffled);
    assertThat(firstIds(read(List.of(source), 512, Order.SHUFFLED, seed + 1)))
        .isNotEqualTo(shuffled);
  }

  @Test
  void samplesAreTakenFromTheShuffledFile() throws IOException {
    DataSource all = numbered(40);
    DataSource some = new DataSource(all.file(), OptionalInt.of(10), "math");

    assertThat(firstIds(read(List.of(some), 512, Order.SHUFFLED, 7)))
        .isEqualTo(firstIds(read(List.of(all), 512, Order.SHUFFLED, 7)).subList(0, 10));
  }

  private DataSource numbered(int count) throws IOException {
    return source(
        "math", IntStream.range(0, count).mapToObj(i -> "[" + i + "]").toArray(String[]::new));
  }

  // The digest.

  @Test
  void theDigestIsOfTokenIdsAndOfWhereATextEnds() throws IOException {
    String digest = digest("[1, 2]", "[3]");

    assertThat(digest).startsWith("sha256:").isEqualTo(digest("[1, 2]", "[3]"));
    assertThat(List.of(digest("[1]", "[2, 3]"), digest("[1, 2, 3]"), digest("[3]", "[1, 2]")))
        .doesNotContain(digest)
        .doesNotHaveDuplicates();
    assertThat(digest("[1]", "[2]")).isNotEqualTo(digest("[1, 0, 2]"));
  }

  private String digest(String... samples) throws IOException {
    return read(source("a", samples)).domains().getFirst().digest();
  }

  // Texts and tokenizers.

  @Test
  void textsAreEncodedWithNothingAddedOrCut() throws IOException {
    String prompt = "Natalia sold clips to 48 of her friends";
    Path file = Files.writeString(folder.resolve("text.jsonl"), "{\"text\": \"" + prompt + "\"}\n");
    try (CorpusReader reader = new CorpusReader(WITH_TOKENIZER)) {
      int[] ids = reader.encode(prompt);
      int[] longer = reader.encode((prompt + " ").repeat(400));

      assertThat(ids.length).isBetween(8, prompt.length());
      assertThat(longer.length).isGreaterThan(400 * 8);
      assertThat(Arrays.copyOf(longer, ids.length)).isEqualTo(ids);
      CalibrationSpec spec =
          new CalibrationSpec(
              List.of(new DataSource(file, OptionalInt.empty(), "a")), 512, Order.FILE);
      assertThat(reader.read(spec, 0).sequences().getFirst().ids()).isEqualTo(ids);
    }
  }

  @Test
  void withoutATokenizerATextCannotBeRead() throws IOException {
    Path file = Files.writeString(folder.resolve("text.jsonl"), "{\"text\": \"a\"}\n");

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> read(new DataSource(file, OptionalInt.empty(), "a")))
        .withMessage(
            "%s: no tokenizer.json to turn texts into token ids. Give token ids instead, as JSON"
                + " lines {\"input_ids\": [...]}.",
            folder);
  }

  @Test
  void aTokenizerThatIsNoneIsRefused() throws IOException {
    Files.writeString(folder.resolve("tokenizer.json"), "{\"version\": \"1.0\"}");
    Path file = Files.writeString(folder.resolve("text.jsonl"), "{\"text\": \"a\"}\n");

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> read(new DataSource(file, OptionalInt.empty(), "a")))
        .withMessageStartingWith("%s: not a tokenizer: ", folder.resolve("tokenizer.json"));
  }

  private Corpus read(DataSource source) throws IOException {
    return read(List.of(source), 512, Order.FILE, 0);
  }

  private Corpus read(List<DataSource> sources, int maxTokens, Order order, long seed)
      throws IOException {
    try (CorpusReader reader = new CorpusReader(folder)) {
      return reader.read(new CalibrationSpec(sources, maxTokens, order), seed);
    }
  }

  private DataSource source(String name, String... inputIds) throws IOException {
    return new DataSource(file(inputIds), OptionalInt.empty(), name);
  }

  private Path file(String... inputIds) throws IOException {
    String lines =
        Arrays.stream(inputIds)
            .map(ids -> "{\"input_ids\": " + ids + "}\n")
            .collect(Collectors.joining());
    return Files.writeString(Files.createTempFile(folder, "ids", ".jsonl"), lines);
  }

  private static List<Integer> firstIds(Corpus corpus) {
    return corpus.sequences().stream().map(sequence -> sequence.ids()[0]).toList();
  }
}
