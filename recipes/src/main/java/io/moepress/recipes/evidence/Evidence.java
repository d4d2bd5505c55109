package io.moepress.recipes.evidence;

import io.moepress.formats.Checks;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/// What calibration saw of a checkpoint, layer by layer and domain by domain. Immutable.
///
/// @param checkpoint fingerprint of the checkpoint that was measured
/// @param maxTokens where texts were cut
/// @param domains the corpora, in the order of the arrays
/// @param layers by decoder layer index; only layers with routed experts appear
public record Evidence(
    String checkpoint, int maxTokens, List<Domain> domains, SortedMap<Integer, Layer> layers) {

  public Evidence {
    domains = List.copyOf(domains);
    layers = Collections.unmodifiableSortedMap(new TreeMap<>(layers));
  }

  /// A corpus that was measured.
  ///
  /// @param name the name a recipe gave it
  /// @param digest `sha256:…` of its token ids
  /// @param sequences number of texts
  /// @param tokens number of tokens
  public record Domain(String name, String digest, long sequences, long tokens) {}

  /// One layer with experts.
  ///
  /// @param experts number of routed experts, `E`
  /// @param values `[domains][E]` for each statistic; not copied, do not change
  public record Layer(int experts, Map<Statistic, double[][]> values) {

    public Layer {
      Map<Statistic, double[][]> ordered = new EnumMap<>(Statistic.class);
      ordered.putAll(values);
      values = Collections.unmodifiableMap(ordered);
    }

    /// The values of `statistic` over all domains together, `[E]`.
    ///
    /// @throws MissingEvidenceException when it was not gathered
    public double[] total(Statistic statistic) {
      double[] total = new double[experts];
      for (double[] domain : byDomain(statistic)) {
        for (int expert = 0; expert < experts; expert++) {
          total[expert] = statistic.combination().of(total[expert], domain[expert]);
        }
      }
      return total;
    }

    /// The values of `statistic` for each domain, `[domains][E]`; a copy.
    ///
    /// @throws MissingEvidenceException when it was not gathered
    public double[][] byDomain(Statistic statistic) {
      double[][] found = values.get(statistic);
      if (found == null) {
        throw new MissingEvidenceException(
            Checks.text(
                "the evidence has no %s (it has: %s). Calibrate again, with this version.",
                statistic.label(), values.keySet().stream().map(Statistic::label).toList()));
      }
      return Arrays.stream(found).map(double[]::clone).toArray(double[][]::new);
    }
  }

  /// Number of tokens of all domains.
  public long tokens() {
    return domains.stream().mapToLong(Domain::tokens).sum();
  }
}
