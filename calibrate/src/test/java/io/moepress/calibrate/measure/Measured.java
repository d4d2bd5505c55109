package io.moepress.calibrate.measure;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.forward.PassResources;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceRequest;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumSet;

/// Evidence as a calibration gives it.
final class Measured {
  static final String FINGERPRINT = "sha256:checkpoint";
  static final EvidenceRequest EVERYTHING = EvidenceRequest.of(EnumSet.allOf(Statistic.class));

  private Measured() {}

  static Evidence evidence(Path directory, Corpus corpus) throws IOException {
    return evidence(directory, corpus, 2);
  }

  static Evidence evidence(Path directory, Corpus corpus, int threads) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(directory)) {
      return evidence(checkpoint, corpus, threads);
    }
  }

  /// Every statistic, and no reservoir.
  static Evidence evidence(Checkpoint checkpoint, Corpus corpus, int threads) throws IOException {
    return evidence(checkpoint, corpus, threads, EVERYTHING);
  }

  static Evidence evidence(Path directory, Corpus corpus, EvidenceRequest request)
      throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(directory)) {
      return evidence(checkpoint, corpus, 2, request);
    }
  }

  static Evidence evidence(
      Checkpoint checkpoint, Corpus corpus, int threads, EvidenceRequest request)
      throws IOException {
    try (Workers workers = new Workers(threads)) {
      return new Calibration(PassResources.inMemory(workers, Progress.SILENT))
          .measure(MoeModel.of(checkpoint), FINGERPRINT, corpus, 512, request);
    }
  }

  /// The values of a statistic over all domains: `[1][E]`, or the rows of a matrix.
  static double[][] rows(Evidence.Layer layer, Statistic statistic) {
    return statistic.isMatrix() ? layer.matrix(statistic) : new double[][] {layer.total(statistic)};
  }
}
