package io.moepress.cli;

import io.moepress.cli.ComparisonReport.Outcome;
import io.moepress.formats.FormatException;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/// Keeps what is finished of a comparison, a file for each candidate, so that the same command can
/// go on after it was stopped, and one with more candidates measures only those.
///
/// @param folder where the files are
record KeptOutcomes(Path folder) {
  private static final int DIGITS = 8;

  /// The contents of a file.
  ///
  /// @param inputs digest of everything the outcome depends on
  record Kept(String inputs, Outcome outcome) {}

  /// A name for files that belong to a candidate, different for each.
  static String label(String title) {
    String words = title.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-");
    String digest = Fingerprint.ofText(title);
    return words.substring(0, Math.min(words.length(), 60))
        + "-"
        + digest.substring(digest.length() - DIGITS);
  }

  /// What was kept, if it depends on the same.
  Optional<Outcome> find(String title, String inputs) throws IOException {
    Path file = file(title);
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    try {
      Kept kept = Json.read(file, Kept.class);
      return kept.inputs().equals(inputs) ? Optional.of(kept.outcome()) : Optional.empty();
    } catch (FormatException e) {
      return Optional.empty(); // of another version; it is made again
    }
  }

  void keep(Outcome outcome, String inputs) throws IOException {
    Files.createDirectories(folder);
    Json.write(file(outcome.title()), new Kept(inputs, outcome));
  }

  private Path file(String title) {
    return folder.resolve(label(title) + ".json");
  }
}
