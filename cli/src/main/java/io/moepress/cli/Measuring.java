package io.moepress.cli;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.CorpusReader;
import io.moepress.calibrate.corpus.TokenSequence;
import io.moepress.calibrate.measure.Calibration;
import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.StagedDirectory;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceFile;
import io.moepress.recipes.recipe.CalibrationSpec;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

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
    Optional<Evidence> kept = kept(directory);
    if (kept.isPresent()) {
      if (Calibration.answers(kept.get(), fingerprint, corpus, spec.maxTokens())) {
        terminal.say("evidence: reused " + directory + " (same checkpoint, same texts)");
        return kept.get();
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

  /// The texts that would be read, by domain.
  List<Evidence.Domain> texts(CheckpointDirectory checkpoint, CalibrationSpec spec, long seed)
      throws IOException {
    try (CorpusReader reader = new CorpusReader(checkpoint.directory())) {
      Corpus corpus = reader.read(spec, seed);
      return IntStream.range(0, corpus.domains().size())
          .mapToObj(domain -> {
            List<TokenSequence> texts =
                corpus.sequences().stream().filter(text -> text.domain() == domain).toList();
            return new Evidence.Domain(
                corpus.domains().get(domain).name(),
                corpus.domains().get(domain).digest(),
                texts.size(),
                texts.stream().mapToLong(TokenSequence::length).sum());
          })
          .toList();
    }
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
