package io.moepress.recipes.evidence;

import io.moepress.formats.Checks;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The large parts of a layer's evidence: its matrices and its reservoir.
///
/// They may lie on disk, and are then read whenever they are asked for, so that nobody needs to
/// hold more than the one in use. A file that cannot be read is an [java.io.UncheckedIOException],
/// a damaged one a [io.moepress.formats.FormatException].
public interface LargeParts {

  /// Nothing.
  LargeParts NONE = new InMemory(Map.of(), null);

  /// The matrices there are.
  Set<Statistic> statistics();

  /// A matrix, `[E]` rows; a copy.
  ///
  /// @param statistic one of [#statistics]
  double[][] matrix(Statistic statistic);

  /// Whether there is a reservoir.
  boolean hasReservoir();

  /// The reservoir, where there is one.
  Reservoir reservoir();

  /// Parts in memory.
  ///
  /// @param matrices by statistic; not copied, do not change
  /// @param sample the reservoir; null without one
  record InMemory(Map<Statistic, double[][]> matrices, @Nullable Reservoir sample)
      implements LargeParts {

    public InMemory {
      Map<Statistic, double[][]> ordered = new EnumMap<>(Statistic.class);
      ordered.putAll(matrices);
      ordered
          .keySet()
          .forEach(statistic ->
              Checks.require(statistic.isMatrix(), "%s is no matrix", statistic.label()));
      matrices = Collections.unmodifiableMap(ordered);
    }

    @Override
    public Set<Statistic> statistics() {
      return matrices.keySet();
    }

    @Override
    public double[][] matrix(Statistic statistic) {
      return Arrays.stream(Objects.requireNonNull(matrices.get(statistic)))
          .map(double[]::clone)
          .toArray(double[][]::new);
    }

    @Override
    public boolean hasReservoir() {
      return sample != null;
    }

    @Override
    public Reservoir reservoir() {
      return Objects.requireNonNull(sample);
    }
  }
}
