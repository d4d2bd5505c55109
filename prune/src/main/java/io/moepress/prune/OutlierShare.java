package io.moepress.prune;

import io.moepress.formats.architecture.Architecture.Orientation;
import io.moepress.formats.architecture.LinearInput;
import io.moepress.formats.architecture.LinearShape;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.TensorData;
import io.moepress.recipes.evidence.LayerEvidence;
import io.moepress.recipes.plan.InputNorms;
import io.moepress.recipes.plan.SparsityRequest;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// How many of the `|W_ij| · a_j` of a layer stand out. Weights are read twice, a matrix at a time:
/// once for their mean, once to count.
///
/// @param outliers how many exceed the threshold
/// @param weights how many there are
record OutlierShare(long outliers, long weights) {
  private static final long BLOCK = 1L << 20;

  /// Looks at all linear maps of a layer that are in scope.
  ///
  /// @param times what exceeds so many times the mean stands out
  static OutlierShare of(SparsityRequest request, int layer, double times) throws IOException {
    List<TensorId> maps = request.options().scope().in(request.model(), layer);
    Map<LinearInput, InputNorms> norms = norms(request, layer, maps);
    Total total = new Total();
    forEach(request.model(), maps, norms, total);
    if (total.count == 0) {
      return new OutlierShare(0, 0);
    }
    Above above = new Above(times * total.sum / total.count);
    forEach(request.model(), maps, norms, above);
    return new OutlierShare(above.count, total.count);
  }

  /// In percent; 0 where there is no weight.
  double percent() {
    return weights == 0 ? 0 : 100.0 * outliers / weights;
  }

  private static Map<LinearInput, InputNorms> norms(
      SparsityRequest request, int layer, List<TensorId> maps) {
    LayerEvidence evidence = request.evidence().layer(layer);
    Map<LinearInput, InputNorms> norms = new EnumMap<>(LinearInput.class);
    for (TensorId id : maps) {
      norms.computeIfAbsent(
          input(id), input -> InputNorms.of(input, evidence, request.options().gatePower()));
    }
    return norms;
  }

  private static LinearInput input(TensorId id) {
    return LinearInput.of(id.role()).orElseThrow();
  }

  /// Takes the metrics of some weights of a row.
  private interface Sink {
    void take(double metric);
  }

  private static final class Total implements Sink {
    private double sum;
    private long count;

    @Override
    public void take(double metric) {
      sum += metric;
      count++;
    }
  }

  private static final class Above implements Sink {
    private final double threshold;
    private long count;

    Above(double threshold) {
      this.threshold = threshold;
    }

    @Override
    public void take(double metric) {
      count += metric > threshold ? 1 : 0;
    }
  }

  private static void forEach(
      MoeModel model, List<TensorId> maps, Map<LinearInput, InputNorms> norms, Sink sink)
      throws IOException {
    for (TensorId id : maps) {
      InputNorms ofInput = norms.get(input(id));
      LinearShape shape = LinearShape.of(model, id);
      for (int matrix = 0; ofInput != null && matrix < shape.matrices(); matrix++) {
        int row = Math.max(0, shape.stacked() == null ? id.expert() : matrix);
        if (!ofInput.starved().contains(row)) {
          try (Arena mapping = Arena.ofConfined()) {
            TensorData weights =
                shape.stacked() == null
                    ? model.read(id, mapping)
                    : model.readSlice(id, matrix, mapping);
            scan(weights, ofInput.rows()[row], shape.stacked(), sink);
          }
        }
      }
    }
  }

  private static void scan(
      TensorData matrix, double[] norms, @Nullable Orientation stacked, Sink sink) {
    boolean inputFirst = stacked == Orientation.INPUT_FIRST;
    int rows = Math.toIntExact(matrix.info().shape().dimension(0));
    int columns = Math.toIntExact(matrix.info().shape().dimension(1));
    int step = Math.clamp(BLOCK / columns, 1, rows);
    float[] block = new float[Math.multiplyExact(step, columns)];
    for (int first = 0; first < rows; first += step) {
      int count = Math.min(step, rows - first);
      Numbers.widen(matrix.rows(first, count), MemorySegment.ofArray(block));
      for (int i = 0; i < count * columns; i++) {
        int input = inputFirst ? first + i / columns : i % columns;
        sink.take(Math.abs((double) block[i]) * norms[input]);
      }
    }
  }
}
