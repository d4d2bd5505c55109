package io.moepress.cli;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.forward.PassMemory;
import io.moepress.calibrate.measure.Calibration;
import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.StagedDirectory;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/// Gets evidence into a directory: by measuring, by going on with a measurement that was stopped,
/// or by finding that it is there already.
///
/// @param setup what a pass may use
/// @param terminal where to say what is reused
record Measuring(PassSetup setup, Terminal terminal) {

  /// What is measured.
  ///
  /// @param model the checkpoint, or a view of it
  /// @param fingerprint of the model
  /// @param corpus the texts
  /// @param maxTokens where they were cut
  record Question(MoeModel model, String fingerprint, Corpus corpus, int maxTokens) {}

  /// Evidence that answers a question.
  ///
  /// @param directory where the evidence is kept
  Evidence measure(Question question, Path directory) throws IOException {
    Path snapshots = setup.work().snapshots(directory);
    Optional<Evidence> kept = kept(directory);
    if (kept.isPresent()) {
      if (Calibration.answers(
          kept.get(), question.fingerprint(), question.corpus(), question.maxTokens())) {
        terminal.say("evidence: reused " + directory + " (same checkpoint, same texts)");
        StagedDirectory.clear(snapshots);
        StagedDirectory.tidy(directory);
        return kept.get();
      }
      terminal.say("evidence: " + directory + " is of another checkpoint or other texts: replaced");
    }
    PassMemory need = PassMemory.of(question.model(), question.corpus());
    Evidence evidence =
        new Calibration(setup.resources(need))
            .measure(
                question.model(),
                question.fingerprint(),
                question.corpus(),
                question.maxTokens(),
                snapshots);
    EvidenceFile.write(evidence, directory);
    StagedDirectory.clear(snapshots);
    terminal.say("evidence: " + directory);
    return evidence;
  }

  /// The evidence in a directory, if there is some that can be read. A directory of anything else
  /// is not ours to replace.
  private Optional<Evidence> kept(Path directory) throws IOException {
    if (!EvidenceFile.isIn(directory)) {
      StagedDirectory.requireFree(directory, false);
      return Optional.empty();
    }
    try {
      return Optional.of(EvidenceFile.read(directory));
    } catch (FormatException e) {
      terminal.say("evidence: " + e.getMessage() + " Measuring again.");
      return Optional.empty();
    }
  }
}
