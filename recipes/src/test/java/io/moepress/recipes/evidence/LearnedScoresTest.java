package io.moepress.recipes.evidence;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import io.moepress.formats.FormatException;
import io.moepress.recipes.evidence.LearnedScores.Curve;
import io.moepress.recipes.evidence.LearnedScores.Layer;
import io.moepress.recipes.evidence.LearnedScores.Subject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LearnedScoresTest {
  private static final LearningRequest REQUEST =
      new LearningRequest(
          Relaxation.DENSE, DistanceKind.HIDDEN, 0.01, OptimiserKind.ADAM, 0.1, 2, 16, 42);
  private static final Subject SUBJECT = new Subject("sha256:model", "sha256:texts", REQUEST);

  @TempDir Path folder;

  private static LearnedScores scores() {
    TreeMap<Integer, Layer> layers = new TreeMap<>();
    layers.put(1, new Layer(List.of(0.125, -0.1, 1e-17), 0.9876543210987654));
    layers.put(3, new Layer(List.of(0.0, 0.0, 3.0), -1));
    return LearnedScores.of(
        SUBJECT,
        layers,
        new Curve(
            List.of(3.0, 2.0, 2.5, 1.0), List.of(1.0, 1.0, 1.0, 1.0), List.of(4.0, 3.0, 3.5, 2.0)));
  }

  @Test
  void whatIsWrittenIsReadBack() throws IOException {
    Path file = folder.resolve("learned.json");
    scores().write(file);

    assertThat(LearnedScores.read(file)).isEqualTo(scores());
    assertThat(LearnedScores.read(file).digest()).isEqualTo(scores().digest());
    assertThat(folder).isDirectoryNotContaining("glob:**.partial");
  }

  @Test
  void theyAreOfOneCheckpointOneCorpusAndOneRequest() {
    LearningRequest other =
        new LearningRequest(
            Relaxation.DENSE, DistanceKind.HIDDEN, 0.01, OptimiserKind.ADAM, 0.1, 2, 16, 43);

    assertThat(scores().isOf(SUBJECT)).isTrue();
    assertThat(scores().isOf(new Subject("sha256:other", "sha256:texts", REQUEST))).isFalse();
    assertThat(scores().isOf(new Subject("sha256:model", "sha256:other", REQUEST))).isFalse();
    assertThat(scores().isOf(new Subject("sha256:model", "sha256:texts", other))).isFalse();
  }

  @Test
  void sharesAreTheSoftmaxOfAlpha() {
    Layer layer = new Layer(List.of(1000.0, 1000 + Math.log(3)), 1);

    assertThat(layer.shares()).containsExactly(new double[] {0.25, 0.75}, within(1e-12));
  }

  @Test
  void theCurveIsAveragedByEpoch() {
    assertThat(scores().curve().means(2)).containsExactly(3.5, 2.75);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"formatVersion\": 1 | \"formatVersion\": 2 | format version 2 (expected 1)",
        "\"beta\": -1.0 | \"beta\": \"NaN\" | beta",
        "\"alpha\": [0.0 | \"alfa\": [0.0 | alpha",
        "\"epochs\": 2 | \"epochs\": 0 | epochs: 0 (expected at least 1)",
        "\"curve\" | \"curves\" | curve",
      })
  void aDamagedFileIsRefused(String found, String instead, String message) throws IOException {
    Path file = folder.resolve("learned.json");
    scores().write(file);
    String text = Files.readString(file);
    assertThat(text).contains(found);
    Files.writeString(file, text.replace(found, instead));

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> LearnedScores.read(file))
        .withMessageContaining(message);
  }

  @ParameterizedTest
  @CsvSource({
    "-1, 0.1, 2, 3, lambda: -1.0",
    "NaN, 0.1, 2, 3, lambda: NaN",
    "0, 0, 2, 3, rate: 0.0",
    "0, 0.1, 0, 3, epochs: 0",
    "0, 0.1, 2, 0, batch: 0",
  })
  void settingsThatMakeNoSenseAreRefused(
      double lambda, double rate, int epochs, int batch, String message) {
    assertThatExceptionOfType(IllegalArgumentException.class)
        .isThrownBy(() ->
            new LearningRequest(
                Relaxation.DENSE,
                DistanceKind.HIDDEN,
                lambda,
                OptimiserKind.SGD,
                rate,
                epochs,
                batch,
                1))
        .withMessageContaining(message);
  }
}
