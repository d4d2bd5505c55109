package io.moepress.recipes.evidence;

import io.moepress.formats.architecture.LinearInput;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.Set;

/// What was gathered of the vectors that the linear maps of one layer read, routed experts left
/// out.
///
/// It may lie on disk, and is then read whenever it is asked for. A file that cannot be read is an
/// [java.io.UncheckedIOException], a damaged one a [io.moepress.formats.FormatException].
public interface LinearSums {

  /// Nothing.
  LinearSums NONE = new InMemory(Map.of());

  /// The statistics there are.
  Set<LinearStatistic> statistics();

  /// The vectors a statistic was gathered of: those that the layer has.
  Set<LinearInput> inputs(LinearStatistic statistic);

  /// The sum over all tokens; a copy.
  ///
  /// @param input one of [#inputs]
  double[][] sum(LinearStatistic statistic, LinearInput input);

  /// Sums in memory.
  ///
  /// @param sums by statistic and vector; not copied, do not change
  record InMemory(Map<LinearStatistic, Map<LinearInput, double[][]>> sums) implements LinearSums {

    public InMemory {
      Map<LinearStatistic, Map<LinearInput, double[][]>> ordered =
          new EnumMap<>(LinearStatistic.class);
      sums.forEach((statistic, byInput) -> {
        Map<LinearInput, double[][]> inputs = new EnumMap<>(LinearInput.class);
        inputs.putAll(byInput);
        ordered.put(statistic, Collections.unmodifiableMap(inputs));
      });
      sums = Collections.unmodifiableMap(ordered);
    }

    @Override
    public Set<LinearStatistic> statistics() {
      return sums.keySet();
    }

    @Override
    public Set<LinearInput> inputs(LinearStatistic statistic) {
      return sums.getOrDefault(statistic, Map.of()).keySet();
    }

    @Override
    public double[][] sum(LinearStatistic statistic, LinearInput input) {
      double[][] found = sums.getOrDefault(statistic, Map.of()).get(input);
      if (found == null) {
        throw new IllegalArgumentException(statistic.label() + " of " + input.label());
      }
      return Arrays.stream(found).map(double[]::clone).toArray(double[][]::new);
    }
  }
}
