package io.moepress.recipes.apply;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.card.CardScores;
import io.moepress.recipes.card.ModelCard;
import io.moepress.recipes.evaluation.Evaluation;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.SamplePlans;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Card and checksums of a written checkpoint.
class CardFileTest {
  private static final List<KeepExperts> HALF =
      List.of(SamplePlans.keep(0, 4, 0, 3), SamplePlans.keep(1, 4, 1, 2));
  private static final CardScores SCORES =
      new CardScores(
          new Evaluation(List.of(), List.of(), null),
          new Evaluation(List.of(), List.of(), new Evaluation.Comparison(0.5, 0.75)),
          List.of());

  @TempDir private Path folder = Path.of("");
  private Path source = Path.of("");
  private Path output = Path.of("");

  @BeforeEach
  void write() throws IOException {
    source = TinyMoe.qwen3().shards(3).write(folder.resolve("source"));
    output = folder.resolve("output");
    Files.writeString(source.resolve("README.md"), "---\nlicense: mit\n---\nBananas.\n");
    Files.writeString(source.resolve("SHA256SUMS"), "of the source");
    Tiny.apply(source, HALF, output);
  }

  @Test
  void theChecksumsAreThoseOfAllFiles() throws Exception {
    assertThat(noted()).isEqualTo(digests());
    assertThat(noted()).containsKeys("README.md", "moepress.json", "config.json");
  }

  /// Latin-1, say. Weights are worth more than umlauts.
  @Test
  void aCardInAnotherEncodingDoesNotKeepWeightsFromBeingWritten() throws IOException {
    Files.write(source.resolve("README.md"), new byte[] {'B', (byte) 0xE4, 'r'});
    Path other = folder.resolve("other");

    Tiny.apply(source, HALF, other);

    assertThat(other.resolve("README.md")).content().contains("B\uFFFDr");
  }

  @Test
  void theCardNamesTheSourceAndKeepsItsCard() throws IOException {
    assertThat(output.resolve("README.md"))
        .content()
        .contains("base_model: \"source\"", "license: mit", "# The card of source", "Bananas.");
  }

  @Test
  void scoresComeIntoTheCardAndItsChecksumFollows() throws Exception {
    assertThat(score(SCORES)).isTrue();

    assertThat(output.resolve("README.md")).content().contains("| KL divergence |  | 0.500 |");
    assertThat(noted()).isEqualTo(digests());
  }

  /// As after a kill between the two files.
  @Test
  void aChecksumThatWasNotYetNotedIsNotedTheNextTime() throws Exception {
    String before = Files.readString(output.resolve("SHA256SUMS"));
    score(SCORES);
    Files.writeString(output.resolve("SHA256SUMS"), before);

    assertThat(score(SCORES)).isTrue();

    assertThat(noted()).isEqualTo(digests());
  }

  @Test
  void aCardThatSomebodyHasEditedStays() throws IOException {
    Files.writeString(output.resolve("README.md"), "Mine.");

    assertThat(score(SCORES)).isFalse();

    assertThat(output.resolve("README.md")).hasContent("Mine.");
  }

  private boolean score(CardScores scores) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(source)) {
      ModelCard card = CardFile.of(checkpoint, SamplePlans.plan(HALF));
      return CardFile.score(card, scores, output);
    }
  }

  private SortedMap<String, String> noted() throws IOException {
    SortedMap<String, String> noted = new TreeMap<>();
    for (String line : Files.readAllLines(output.resolve("SHA256SUMS"))) {
      assertThat(line).matches("[0-9a-f]{64}  [^ ].*");
      noted.put(line.substring(66), line.substring(0, 64));
    }
    return noted;
  }

  private SortedMap<String, String> digests() throws IOException, NoSuchAlgorithmException {
    SortedMap<String, String> digests = new TreeMap<>();
    try (Stream<Path> files = Files.walk(output)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        byte[] bytes = digest.digest(Files.readAllBytes(file));
        digests.put(output.relativize(file).toString(), HexFormat.of().formatHex(bytes));
      }
    }
    digests.remove("SHA256SUMS");
    return digests;
  }
}
