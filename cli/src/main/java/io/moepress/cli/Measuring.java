package io.moepress.cli;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.CorpusReader;
import io.moepress.calibrate.measure.Calibration;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceFile;
import io.moepress.recipes.recipe.CalibrationSpec;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// Gets evidence into a directory: by measuring, or by finding that it is there already.
///
/// @param workers a pool
/// @param progress where to say how far it is
/// @param terminal where to say what is reused
record Measuring(Workers workers, Progress progress, Terminal terminal) {

  /// Evidence of `spec` on a checkpoint.
  ///
  /// @param seed decides the order of shuffled texts
  /// @param directory where the evidence is kept
  Evidence measure(
      CheckpointDirectory checkpoint,
      String fingerprint,
      CalibrationSpec spec,
      long seed,
      Path directory)
      throws IOException {
    Corpus corpus;
    try (CorpusReader reader = new CorpusReader(checkpoint.directory())) {
      corpus = reader.read(spec, seed);
    }
    if (Files.exists(directory)) {
      Evidence found = EvidenceFile.read(directory);
      if (Calibration.answers(found, fingerprint, corpus, spec.maxTokens())) {
        terminal.say("evidence: reused " + directory + " (same checkpoint, same texts)");
        return found;
      }
      terminal.say("evidence: " + directory + " is of another checkpoint or other texts: replaced");
    }
    Calibration calibration = new Calibration(workers, progress);
    Evidence evidence =
        calibration.measure(MoeModel.of(checkpoint), fingerprint, corpus, spec.maxTokens());
    EvidenceFile.write(evidence, directory);
    terminal.say("evidence: " + directory);
    return evidence;
  }
}
