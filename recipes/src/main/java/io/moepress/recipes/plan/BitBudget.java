package io.moepress.recipes.plan;

import io.moepress.formats.Checks;

/// How many bits there are for weights.
public sealed interface BitBudget {

  /// Bits for each weight, on average.
  ///
  /// @param weights that share the budget
  double bitsPerWeight(long weights);

  /// Bits of codes for each weight, as papers count: without scales and zero points.
  ///
  /// @param bits positive
  record Average(double bits) implements BitBudget {
    public Average {
      Checks.require(
          bits > 0 && Double.isFinite(bits), "bits: %s (expected more than 0)", bits + "");
    }

    @Override
    public double bitsPerWeight(long weights) {
      return bits;
    }

    @Override
    public String toString() {
      return bits + " bits";
    }
  }

  /// A size on disk.
  ///
  /// @param bytes of all the weights together, codes and what comes with them
  /// @param overhead bits for each weight that come with the codes: of scales of 16 bits for groups
  ///   of 128, 0.125
  record Bytes(long bytes, double overhead) implements BitBudget {
    public Bytes {
      Checks.require(bytes > 0, "%d bytes for weights (expected more than 0)", bytes);
      Checks.require(
          overhead >= 0 && Double.isFinite(overhead),
          "%s bits beside each weight (expected 0 or more)",
          overhead + "");
    }

    @Override
    public double bitsPerWeight(long weights) {
      return (double) bytes * Byte.SIZE / weights - overhead;
    }

    @Override
    public String toString() {
      return bytes + " bytes";
    }
  }
}
