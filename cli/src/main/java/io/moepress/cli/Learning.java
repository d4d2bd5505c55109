package io.moepress.cli;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.forward.PassMemory;
import io.moepress.calibrate.search.DiepSearch;
import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.json.Json;
import io.moepress.recipes.evidence.LearnedScores;
import io.moepress.recipes.evidence.LearnedScores.Subject;
import io.moepress.recipes.plan.LearnedPruning;
import io.moepress.recipes.plan.PlanMismatchException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// Gets learned scores: from a file that the recipe names, from the work directory where the same
/// were learned before, or by learning them.
///
/// Every set of scores has a file of its own in the work directory, named after what it was learned
/// of and how, so that another model, other texts or another option never replace one.
///
/// @param setup what a search may use
/// @param terminal where to say what is reused
record Learning(PassSetup setup, Terminal terminal) {
  private static final int NAME_DIGITS = 12;

  /// What a search needs of memory.
  static PassMemory memory(MoeModel model, Corpus corpus, LearnedPruning method) {
    return PassMemory.ofSearch(
        model, corpus, method.learning().batch(), method.learning().relaxation());
  }

  /// The scores that a recipe brings along.
  ///
  /// @param fingerprint of the model they must be of
  static LearnedScores given(Path file, String fingerprint) throws IOException {
    LearnedScores scores = LearnedScores.read(file);
    if (!scores.checkpoint().equals(fingerprint)) {
      throw new PlanMismatchException(
          "%s: learned on checkpoint %s, this one is %s. Leave out \"learned\", and they are"
              + " learned on this one.",
          file, scores.checkpoint(), fingerprint);
    }
    return scores;
  }

  /// Scores of a model.
  ///
  /// @param fingerprint of the model
  /// @param corpus the texts to learn from
  LearnedScores learn(MoeModel model, String fingerprint, Corpus corpus, LearnedPruning method)
      throws IOException {
    Subject subject = new Subject(fingerprint, corpus.digest(), method.learning());
    Path file = file(subject);
    Optional<LearnedScores> kept = kept(file, subject);
    if (kept.isPresent()) {
      terminal.say("learned scores: reused " + file + " (same checkpoint, same texts)");
      return kept.get();
    }
    Path state = file.resolveSibling(file.getFileName() + ".state");
    DiepSearch search = new DiepSearch(model, setup.resources(memory(model, corpus, method)));
    LearnedScores scores = search.learn(subject, corpus, state);
    scores.write(file);
    Files.deleteIfExists(state);
    List<Double> means = scores.curve().means(method.learning().epochs());
    terminal.say(
        Checks.text(
            "learned scores: %s, objective %.4f in the first epoch, %.4f in the last",
            file, means.getFirst(), means.getLast()));
    return scores;
  }

  private Path file(Subject subject) {
    String digest = Fingerprint.ofText(Json.pretty(subject));
    int start = digest.indexOf(':') + 1;
    return setup.work().file("learned-" + digest.substring(start, start + NAME_DIGITS) + ".json");
  }

  private Optional<LearnedScores> kept(Path file, Subject subject) throws IOException {
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    try {
      return Optional.of(LearnedScores.read(file)).filter(scores -> scores.isOf(subject));
    } catch (FormatException e) {
      terminal.say("learned scores: " + e.getMessage() + " Learning again.");
      return Optional.empty();
    }
  }
}
