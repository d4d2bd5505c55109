package io.moepress.cli;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.forward.PassMemory;
import io.moepress.calibrate.measure.Calibration;
import io.moepress.calibrate.measure.LayerDecision;
import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.StagedDirectory;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceFile;
import io.moepress.recipes.evidence.EvidenceRequest;
import io.moepress.recipes.evidence.Statistic;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Gets evidence into a directory: by measuring, by going on with a measurement that was stopped,
/// or by finding that it is there already.
///
/// @param setup what a pass may use
/// @param terminal where to say what is reused
record Measuring(PassSetup setup, Terminal terminal) {
  private static final String OF_OTHERS = " is of another checkpoint or other texts: replaced";

  /// What is measured.
  ///
  /// @param model the checkpoint, or a view of it
  /// @param fingerprint of the model
  /// @param corpus the texts
  /// @param maxTokens where they were cut
  /// @param decision changes each layer before the next is measured; null: all stay as they are
  record Question(
      MoeModel model,
      String fingerprint,
      Corpus corpus,
      int maxTokens,
      @Nullable LayerDecision decision) {

    /// About a model as it is.
    Question(MoeModel model, String fingerprint, Corpus corpus, int maxTokens) {
      this(model, fingerprint, corpus, maxTokens, null);
    }

    /// Whether evidence is of this, whatever it holds.
    boolean isOf(Evidence evidence) {
      return decision == null
          ? Calibration.isOf(evidence, fingerprint, corpus, maxTokens)
          : Calibration.isOf(evidence, fingerprint, corpus, maxTokens, decision);
    }
  }

  /// Evidence that answers a question.
  ///
  /// @param needed evidence that holds this much is used again
  /// @param besides what is gathered, too, when something has to be measured
  /// @param directory where the evidence is kept
  Evidence measure(
      Question question, EvidenceRequest needed, Set<Statistic> besides, Path directory)
      throws IOException {
    EvidenceRequest request = needed.and(besides);
    Path snapshots = setup.work().snapshots(directory);
    Optional<Evidence> kept = kept(directory);
    if (kept.isPresent()) {
      Evidence evidence = kept.get();
      List<String> missing = needed.missingFrom(evidence);
      boolean isOfThis = question.isOf(evidence);
      if (isOfThis && missing.isEmpty()) {
        terminal.say("evidence: reused " + directory + " (same checkpoint, same texts)");
        clear(snapshots);
        StagedDirectory.tidy(directory);
        return evidence;
      }
      terminal.say("evidence: " + directory + (isOfThis ? lacks(missing) : OF_OTHERS));
      request = isOfThis ? request.and(evidence) : request;
    }
    PassMemory pass = Calibration.memory(question.model(), question.corpus(), request);
    PassMemory need = question.decision() == null ? pass : pass.revising();
    Evidence evidence =
        new Calibration(setup.resources(need), question.decision())
            .measure(
                question.model(),
                question.fingerprint(),
                question.corpus(),
                question.maxTokens(),
                request,
                snapshots);
    EvidenceFile.write(evidence, directory);
    clear(snapshots);
    terminal.say("evidence: " + directory);
    return EvidenceFile.read(directory);
  }

  private static void clear(Path snapshots) throws IOException {
    StagedDirectory.clear(snapshots);
    StagedDirectory.clear(Calibration.layers(snapshots));
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
