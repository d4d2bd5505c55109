package io.moepress.recipes.evidence;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The large parts of a layer on disk.
///
/// @param matrices null without any
/// @param sample null without a reservoir
record LayerFiles(@Nullable MatrixFile matrices, @Nullable ReservoirFile sample)
    implements LargeParts {

  /// Makes sure that the files are as they were written.
  void requireIntact() throws IOException {
    if (matrices != null) {
      matrices.requireIntact();
    }
    if (sample != null) {
      sample.requireIntact();
    }
  }

  @Override
  public Set<Statistic> statistics() {
    return matrices == null ? Set.of() : matrices.statistics();
  }

  @Override
  public double[][] matrix(Statistic statistic) {
    try {
      return Objects.requireNonNull(matrices).read(statistic);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public boolean hasReservoir() {
    return sample != null;
  }

  @Override
  public Reservoir reservoir() {
    try {
      return Objects.requireNonNull(sample).read();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
