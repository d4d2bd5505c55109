package io.moepress.calibrate.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.Domain;
import io.moepress.calibrate.corpus.TokenSequence;
import io.moepress.calibrate.forward.PassResources;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.StagedDirectory;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceFile;
import io.moepress.recipes.evidence.EvidenceRequest;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A measurement that is stopped, and the one after it.
class SnapshotsTest {
  private static final int LAYERS = 5;
  private static final EvidenceRequest REQUEST = new EvidenceRequest(Statistic.defaults(), 0, 42);

  @TempDir private Path folder;
  private Path source;
  private Path snapshots;
  private final List<String> notes = new ArrayList<>();

  @BeforeEach
  void writeSource() throws IOException {
    source = folder.resolve("source");
    snapshots = folder.resolve("snapshots");
    TinyMoe.qwen3().layers(LAYERS).write(source);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void evidenceIsTheSameByteForByte(boolean spilled) throws IOException {
    Path spill = spilled ? folder.resolve("spill") : null;
    Path undisturbed = folder.resolve("undisturbed");
    EvidenceFile.write(measure(corpus(1), new Stopper(LAYERS + 1), null), undisturbed);
    StagedDirectory.clear(snapshots);

    assertThatExceptionOfType(UncheckedIOException.class)
        .isThrownBy(() -> measure(corpus(1), new Stopper(1), spill));
    Path resumed = folder.resolve("resumed");
    EvidenceFile.write(measure(corpus(1), new Stopper(LAYERS + 1), spill), resumed);

    assertThat(notes).containsExactly("calibrating: goes on behind layer 1 of 5");
    for (String file : List.of("evidence.json", "evidence.safetensors")) {
      assertThat(resumed.resolve(file)).hasSameBinaryContentAs(undisturbed.resolve(file));
    }
  }

  @Test
  void otherTextsBeginAnew() throws IOException {
    assertThatExceptionOfType(UncheckedIOException.class)
        .isThrownBy(() -> measure(corpus(1), new Stopper(1), null));

    measure(corpus(2), new Stopper(LAYERS + 1), null);

    assertThat(notes).hasSize(1);
    assertThat(notes.getFirst()).contains("of another model, other texts").endsWith("begins anew");
  }

  @Test
  void aDamagedSnapshotBeginsAnew() throws IOException {
    assertThatExceptionOfType(UncheckedIOException.class)
        .isThrownBy(() -> measure(corpus(1), new Stopper(1), null));
    Path hidden = snapshots.resolve("hidden.f32");
    byte[] bytes = Files.readAllBytes(hidden);
    bytes[0] ^= 1;
    Files.write(hidden, bytes);

    Evidence evidence = measure(corpus(1), new Stopper(LAYERS + 1), null);

    assertThat(notes).hasSize(1);
    assertThat(notes.getFirst()).contains("hidden.f32: digest sha256:").endsWith("Begins anew.");
    assertThat(evidence.layers()).hasSize(LAYERS);
  }

  private static Corpus corpus(int seed) {
    return new Corpus(
        List.of(new Domain("d", "f", "sha256:" + seed)),
        List.of(
            new TokenSequence(0, new int[] {seed, 5, 7, 9, 30}),
            new TokenSequence(0, new int[] {4, 4, 11})));
  }

  private Evidence measure(Corpus corpus, Progress progress, @Nullable Path spill)
      throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(source);
        Workers workers = new Workers(2)) {
      return new Calibration(new PassResources(workers, progress, spill))
          .measure(MoeModel.of(checkpoint), "sha256:model", corpus, 512, REQUEST, snapshots);
    }
  }

  /// Stops a measurement behind the first layers.
  private final class Stopper implements Progress {
    private int left;

    Stopper(int layers) {
      this.left = layers;
    }

    @Override
    public void note(String text) {
      notes.add(text);
    }

    @Override
    public Task begin(String title, long total, String unit) {
      return new Task() {
        @Override
        public void advance(long steps) {
          left--;
          if (left == 0) {
            throw new UncheckedIOException(new IOException("stopped"));
          }
        }

        @Override
        public void close() {}
      };
    }
  }
}
