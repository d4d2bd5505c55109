package io.moepress.prune;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole.Scope;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Finds the expert of a cluster that stands for it: the one whose weights are nearest to the mean
/// of all, `‖w_i − mean w‖₂` over gate, up and down projection together. Ties go to the lower
/// index.
///
/// Weights are read side by side and in pieces, so memory does not grow with their size.
///
/// @param model where weights are read
/// @param layer decoder layer index
record Representative(MoeModel model, int layer) {
  /// Elements of each expert that are in memory at a time.
  private static final int CHUNK = 1 << 16;

  /// The member of a cluster that stands for it.
  ///
  /// @param members expert indices, ascending
  int of(List<Integer> members) throws IOException {
    if (members.size() == 1) {
      return members.getFirst();
    }
    double[] distances = new double[members.size()]; // squared
    for (TensorId id : model.layout().sparseTensors(layer)) {
      boolean once = id.expert() == 0 || id.role().scope() == Scope.ALL_EXPERTS;
      if (id.role().isExpert() && once) {
        add(id, members, distances);
      }
    }
    int nearest = 0;
    for (int i = 1; i < distances.length; i++) {
      nearest = distances[i] < distances[nearest] ? i : nearest;
    }
    return members.get(nearest);
  }

  private void add(TensorId id, List<Integer> members, double[] distances) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      List<TensorData> tensors = new ArrayList<>();
      for (int member : members) {
        tensors.add(read(id, member, arena));
      }
      long elements = tensors.getFirst().info().shape().elementCount();
      int size = Math.toIntExact(Math.min(CHUNK, elements));
      float[][] pieces = new float[members.size()][size];
      for (long first = 0; first < elements; first += size) {
        int count = Math.toIntExact(Math.min(size, elements - first));
        for (int i = 0; i < pieces.length; i++) {
          widen(tensors.get(i), first, count, pieces[i]);
        }
        addDistances(pieces, count, distances);
      }
    }
  }

  private TensorData read(TensorId id, int expert, Arena arena) throws IOException {
    return id.role().scope() == Scope.ALL_EXPERTS
        ? model.readSlice(id, expert, arena)
        : model.read(new TensorId(id.role(), layer, expert), arena);
  }

  private static void widen(TensorData tensor, long first, int count, float[] target) {
    TensorInfo info = tensor.info();
    long width = info.dtype().bits() / Byte.SIZE;
    MemorySegment bytes = tensor.bytes().asSlice(first * width, count * width);
    Numbers.widen(
        new TensorData(new TensorInfo(info.name(), info.dtype(), Shape.of(count)), bytes),
        MemorySegment.ofArray(target));
  }

  private static void addDistances(float[][] pieces, int count, double[] distances) {
    double[] mean = new double[count];
    for (float[] piece : pieces) {
      for (int i = 0; i < count; i++) {
        mean[i] += piece[i];
      }
    }
    Arrays.setAll(mean, i -> mean[i] / pieces.length);
    for (int expert = 0; expert < pieces.length; expert++) {
      for (int i = 0; i < count; i++) {
        double difference = pieces[expert][i] - mean[i];
        distances[expert] += difference * difference;
      }
    }
  }
}
