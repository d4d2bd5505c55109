package io.moepress.calibrate.search;

import io.moepress.formats.FormatException;
import io.moepress.formats.json.Json;
import io.moepress.recipes.evidence.LearnedScores;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/// A search between two steps: everything the next one depends on.
///
/// @param subject of the search
/// @param alpha `[L · N]`
/// @param beta `[L]`
/// @param ofAlpha what the optimiser of `α` remembers
/// @param ofBeta what the optimiser of `β` remembers
/// @param curve its course so far
record SearchState(
    LearnedScores.Subject subject,
    double[] alpha,
    double[] beta,
    Optimiser.Memory ofAlpha,
    Optimiser.Memory ofBeta,
    LearnedScores.Curve curve) {

  /// The state that a search was stopped in; nothing when there is none of this search.
  static Optional<SearchState> read(Path file, LearnedScores.Subject subject) throws IOException {
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    try {
      return Optional.of(Json.read(file, SearchState.class))
          .filter(state -> state.subject().equals(subject));
    } catch (FormatException e) {
      return Optional.empty(); // of another version; the search begins anew
    }
  }

  void write(Path file) throws IOException {
    Json.write(file, this);
  }
}
