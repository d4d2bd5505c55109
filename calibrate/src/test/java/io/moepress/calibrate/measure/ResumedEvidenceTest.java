package io.moepress.calibrate.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.calibrate.corpus.Corpora;
import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.forward.PassResources;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceFile;
import io.moepress.recipes.evidence.EvidenceRequest;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A measurement that was stopped keeps the matrices and reservoirs of the layers it had finished.
class ResumedEvidenceTest {
  private static final EvidenceRequest EVERYTHING =
      new EvidenceRequest(EnumSet.allOf(Statistic.class), 10, 7);

  @TempDir Path folder;

  @Test
  void goingOnGivesTheSameBytesAsNeverStopping() throws IOException {
    TinyMoe.qwen3().layers(3).experts(5).write(folder.resolve("model"));
    Path stopped = folder.resolve("stopped");

    assertThatExceptionOfType(CancellationException.class)
        .isThrownBy(() -> measure(stopped, new Stopping()));
    assertThat(stopped.resolve("snapshot.json")).exists();
    Evidence snapshot = EvidenceFile.readIntact(stopped.resolve("evidence"));
    assertThat(snapshot.layers()).containsOnlyKeys(0);
    assertThat(snapshot.sampling()).isEqualTo(new Evidence.Sampling(10, 7L));

    EvidenceFile.write(measure(stopped, Progress.SILENT), folder.resolve("resumed"));
    EvidenceFile.write(measure(folder.resolve("fresh"), Progress.SILENT), folder.resolve("whole"));

    for (String file :
        new String[] {
          "evidence.json",
          "evidence.safetensors",
          "matrices/layer-00000.safetensors",
          "reservoir/layer-00000.safetensors",
          "matrices/layer-00002.safetensors"
        }) {
      assertThat(folder.resolve("resumed").resolve(file))
          .hasSameBinaryContentAs(folder.resolve("whole").resolve(file));
    }
  }

  private Evidence measure(Path snapshots, Progress progress) throws IOException {
    Corpus corpus = Corpora.of(Corpora.random(1, 32, 20, 15));
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(folder.resolve("model"));
        Workers workers = new Workers(2)) {
      return new Calibration(PassResources.inMemory(workers, progress))
          .measure(
              MoeModel.of(checkpoint), Measured.FINGERPRINT, corpus, 512, EVERYTHING, snapshots);
    }
  }
}
