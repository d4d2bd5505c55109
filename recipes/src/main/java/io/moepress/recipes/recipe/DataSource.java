package io.moepress.recipes.recipe;

import io.moepress.formats.Checks;
import java.nio.file.Path;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/// A file of texts, or a directory of such files.
///
/// @param file as typed; a relative path starts at the current directory
/// @param samples how many texts to take, from the first; all if empty
/// @param weight the share of all samples of the calibration, in proportion to the weights of the
///   other sources; 1 if empty. Not together with `samples`
/// @param name the domain of the texts, not blank; sources of the same name are one domain
public record DataSource(Path file, OptionalInt samples, OptionalDouble weight, String name) {

  public DataSource {
    samples.ifPresent(
        count -> Checks.require(count > 0, "samples: %d (expected at least 1)", count));
    weight.ifPresent(DataSource::requireWeight);
    Checks.require(
        samples.isEmpty() || weight.isEmpty(), "samples and weight: both (expected one of them)");
    Checks.require(!name.isBlank(), "name: blank (expected the name of a domain)");
  }

  /// A source without a weight.
  public DataSource(Path file, OptionalInt samples, String name) {
    this(file, samples, OptionalDouble.empty(), name);
  }

  static void requireWeight(double weight) {
    Checks.require(
        weight > 0 && Double.isFinite(weight), "weight: %s (expected more than 0)", weight);
  }

  /// The domain of a file that gives no name: its file name up to the first dot, so `math` for
  /// `data/math.calibration.jsonl`.
  public static String domain(Path file) {
    Path last = file.getFileName();
    String name = last == null ? "" : last.toString();
    int dot = name.indexOf('.');
    String domain = dot > 0 ? name.substring(0, dot) : name;
    return domain.isBlank() ? file.toString() : domain;
  }
}
