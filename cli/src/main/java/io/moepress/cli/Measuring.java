package io.moepress.cli;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.CorpusReader;
import io.moepress.calibrate.measure.Calibration;
import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.StagedDirectory;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceFile;
import io.moepress.recipes.evidence.EvidenceRequest;
import io.moepress.recipes.evidence.EvidenceWriter;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.recipe.CalibrationSpec;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Gets evidence into a directory: by measuring, or by finding that it is there already.
///
/// @param workers a pool
/// @param progress where to say how far it is
/// @param terminal where to say what is reused
record Measuring(Workers workers, Progress progress, Terminal terminal) {
  private static final String OF_OTHERS = " is of another checkpoint or other texts: replaced";

  /// Evidence of `spec` on a checkpoint.
  ///
  /// @param needed evidence that holds this much is used again; its seed also decides the order of
  ///   shuffled texts
  /// @param besides what is gathered, too, when something has to be measured
  /// @param directory where the evidence is kept
  Evidence measure(
      CheckpointDirectory checkpoint,
      String fingerprint,
      CalibrationSpec spec,
      EvidenceRequest needed,
      Set<Statistic> besides,
      Path directory)
      throws IOException {
    Corpus corpus;
    try (CorpusReader reader = new CorpusReader(checkpoint.directory())) {
      corpus = reader.read(spec, needed.seed());
    }
    EvidenceRequest request = needed.and(besides);
    Optional<Evidence> kept = kept(directory);
    if (kept.isPresent()) {
      Evidence evidence = kept.get();
      List<String> missing = needed.missingFrom(evidence);
      boolean isOfThis = Calibration.isOf(evidence, fingerprint, corpus, spec.maxTokens());
      if (isOfThis && missing.isEmpty()) {
        terminal.say("evidence: reused " + directory + " (same checkpoint, same texts)");
        return evidence;
      }
      terminal.say("evidence: " + directory + (isOfThis ? lacks(missing) : OF_OTHERS));
      request = isOfThis ? request.and(evidence) : request;
    }
    Calibration calibration = new Calibration(workers, progress);
    try (EvidenceWriter writer = EvidenceWriter.create(directory)) {
      MoeModel model = MoeModel.of(checkpoint);
      writer.commit(
          calibration.measure(model, fingerprint, corpus, spec.maxTokens(), request, writer));
    }
    terminal.say("evidence: " + directory);
    return EvidenceFile.read(directory);
  }

  private static String lacks(List<String> missing) {
    return " has no " + String.join(", ", missing) + ": measured again, with all it has";
  }

  /// The evidence in a directory, if there is some that can be read. A directory of anything else
  /// is not ours to replace.
  private Optional<Evidence> kept(Path directory) throws IOException {
    if (!EvidenceFile.isIn(directory)) {
      StagedDirectory.requireFree(directory, false);
      return Optional.empty();
    }
    try {
      return Optional.of(EvidenceFile.readIntact(directory));
    } catch (FormatException e) {
      terminal.say("evidence: " + e.getMessage() + " Measuring again.");
      return Optional.empty();
    }
  }
}
