package io.moepress.calibrate.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.forward.ExpertRunner.Batch;
import io.moepress.calibrate.torch.Torch;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;

/// Runs the routed experts of a layer on the tokens that chose them once more, as they are and with
/// weights of few bits.
///
/// @param layer decoder layer index
/// @param experts number of routed experts
/// @param blocks reads them
record RoundedExperts(int layer, int experts, BlockLoader blocks, Workers workers) {

  /// By how much outputs change.
  ///
  /// @param inputs what the experts see, `[tokens, hidden]`
  /// @param widths bits, each of them for all weights of an expert
  /// @return `‖f_j(x) − f_j^b(x)‖₂` of each slot, by bits
  SortedMap<Integer, float[]> errors(
      HiddenStates inputs, Routing routing, SortedSet<Integer> widths) throws IOException {
    SortedMap<Integer, float[]> errors = new TreeMap<>();
    widths.forEach(bits -> errors.put(bits, new float[routing.experts().length]));
    int block = ExpertRunner.tokensPerBlock(blocks.layout());
    List<Batch> batches = ExpertRunner.batches(routing, experts, block);
    workers.ordered(
        batches.size(),
        index -> compute(batches.get(index), inputs, routing, List.copyOf(widths)),
        (index, found) -> {
          int[] slots = batches.get(index).slots();
          int next = 0;
          for (float[] all : errors.values()) {
            float[] ofWidth = found.get(next++);
            for (int i = 0; i < slots.length; i++) {
              all[slots[i]] = ofWidth[i];
            }
          }
          inputs.rest();
        });
    return errors;
  }

  /// The changes of a batch, for each width.
  private List<float[]> compute(
      Batch batch, HiddenStates inputs, Routing routing, List<Integer> widths) throws IOException {
    int width = inputs.width();
    int count = batch.slots().length;
    List<float[]> errors = new ArrayList<>();
    try (TorchScope scope = Torch.scope()) {
      MemorySegment gathered = batch.gather(scope, inputs, routing.topK());
      GatedNetwork network = blocks.expert(scope, layer, batch.expert());
      NDArray x = scope.over(gathered, count, width);
      float[] exact = TorchScope.values(network.apply(x)).toArray(JAVA_FLOAT);
      for (int bits : widths) {
        try (TorchScope inner = Torch.scope()) {
          GatedNetwork rounded = RoundedNetwork.of(inner, network, bits);
          NDArray again = inner.over(gathered, count, width);
          MemorySegment output = TorchScope.values(rounded.apply(again));
          errors.add(distances(exact, output.toArray(JAVA_FLOAT), count));
        }
      }
    }
    return errors;
  }

  private static float[] distances(float[] a, float[] b, int rows) {
    int width = a.length / rows;
    float[] distances = new float[rows];
    for (int row = 0; row < rows; row++) {
      double squares = 0;
      for (int i = row * width; i < (row + 1) * width; i++) {
        double difference = (double) a[i] - b[i];
        squares += difference * difference;
      }
      distances[row] = (float) Math.sqrt(squares);
    }
    return distances;
  }
}
