package io.moepress.recipes.plan;

import io.moepress.recipes.evidence.LearnedScores;
import io.moepress.recipes.evidence.LearningRequest;
import java.nio.file.Path;
import java.util.Optional;

/// A method that decides from scores which are learned before it is asked. Learning takes long and
/// stands in a file of its own; deciding is a pure function of that file.
public interface LearnedPruning extends PruneMethod {

  /// How its scores are learned.
  LearningRequest learning();

  /// The file of scores that the recipe names; empty: they are learned on the calibration texts.
  Optional<Path> given();

  /// The method, with the scores it decides from.
  LearnedPruning with(LearnedScores scores);
}
