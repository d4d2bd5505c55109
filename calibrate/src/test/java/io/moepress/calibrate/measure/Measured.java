package io.moepress.calibrate.measure;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.forward.PassResources;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.nio.file.Path;

/// Evidence as a calibration gives it.
final class Measured {
  static final String FINGERPRINT = "sha256:checkpoint";

  private Measured() {}

  static Evidence evidence(Path directory, Corpus corpus) throws IOException {
    return evidence(directory, corpus, 2);
  }

  static Evidence evidence(Path directory, Corpus corpus, int threads) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(directory)) {
      return evidence(checkpoint, corpus, threads);
    }
  }

  static Evidence evidence(Checkpoint checkpoint, Corpus corpus, int threads) throws IOException {
    try (Workers workers = new Workers(threads)) {
      return new Calibration(PassResources.inMemory(workers, Progress.SILENT))
          .measure(MoeModel.of(checkpoint), FINGERPRINT, corpus, 512);
    }
  }
}
