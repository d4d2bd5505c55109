package io.moepress.calibrate.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.forward.ExpertRunner.Batch;
import io.moepress.calibrate.torch.GradientTape;
import io.moepress.calibrate.torch.Torch;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Works backward through the routed experts of one layer. Their outputs are only added, so each is
/// calculated once more, differentiated and let go by itself.
///
/// @param layer decoder layer index
/// @param experts number of routed experts, `E`
/// @param blocks reads them
record ExpertBackward(int layer, int experts, BlockLoader blocks, Workers workers) {

  /// What one expert and some of its slots give.
  ///
  /// @param products `⟨u, f_j(x)⟩` of each slot
  /// @param inputGradients rows, one for each slot; empty when nobody asks
  private record Computed(double[] products, float[] inputGradients) {}

  /// Works backward from `u`, the gradient with respect to the layer's output.
  ///
  /// @param inputs what the experts see, `[tokens, hidden]`
  /// @param routing the slots, with the weights that outputs are multiplied with
  /// @param upstream `u`, `[tokens, hidden]`
  /// @param sink what is added to the gradient with respect to `inputs`; null when nobody asks
  /// @return `⟨u, f_j(x)⟩` of each slot
  double[] run(
      HiddenStates inputs, Routing routing, HiddenStates upstream, @Nullable HiddenStates sink)
      throws IOException {
    double[] products = new double[routing.experts().length];
    int block = ExpertRunner.tokensPerBlock(blocks.layout());
    List<Batch> batches = ExpertRunner.batches(routing, experts, block);
    workers.ordered(
        batches.size(),
        index -> compute(batches.get(index), inputs, routing, upstream, sink != null),
        (index, computed) -> {
          int[] slots = batches.get(index).slots();
          for (int i = 0; i < slots.length; i++) {
            products[slots[i]] = computed.products()[i];
          }
          if (sink != null) {
            add(slots, computed.inputGradients(), routing.topK(), sink);
          }
          inputs.rest();
          upstream.rest();
        });
    return products;
  }

  private Computed compute(
      Batch batch, HiddenStates inputs, Routing routing, HiddenStates upstream, boolean further)
      throws IOException {
    int count = batch.slots().length;
    int width = inputs.width();
    try (TorchScope scope = Torch.scope();
        GradientTape tape = new GradientTape()) {
      NDArray x = scope.over(batch.gather(scope, inputs, routing.topK()), count, width);
      MemorySegment u = batch.gather(scope, upstream, routing.topK());
      GatedNetwork network = blocks.expert(scope, layer, batch.expert());
      NDArray output = network.apply(further ? tape.variable(x) : x);
      double[] products = products(TorchScope.values(output), u, count);
      if (!further) {
        return new Computed(products, new float[0]);
      }
      scale(u, batch.slots(), routing.weights(), width);
      tape.backward(new NDArray[] {output}, new NDArray[] {scope.over(u, count, width)});
      return new Computed(products, TorchScope.values(tape.gradient(x)).toArray(JAVA_FLOAT));
    }
  }

  /// Inner products of the rows of two matrices.
  private static double[] products(MemorySegment a, MemorySegment b, int rows) {
    float[] left = a.toArray(JAVA_FLOAT);
    float[] right = b.toArray(JAVA_FLOAT);
    int width = left.length / rows;
    double[] products = new double[rows];
    for (int row = 0; row < rows; row++) {
      double sum = 0;
      for (int i = row * width; i < (row + 1) * width; i++) {
        sum += (double) left[i] * right[i];
      }
      products[row] = sum;
    }
    return products;
  }

  /// Multiplies the row of each slot with the slot's weight.
  private static void scale(MemorySegment rows, int[] slots, float[] weights, int width) {
    for (int row = 0; row < slots.length; row++) {
      float weight = weights[slots[row]];
      for (long i = (long) row * width; i < (row + 1L) * width; i++) {
        rows.setAtIndex(JAVA_FLOAT, i, weight * rows.getAtIndex(JAVA_FLOAT, i));
      }
    }
  }

  private static void add(int[] slots, float[] rows, int topK, HiddenStates sink) {
    float[] sum = new float[sink.width()];
    for (int i = 0; i < slots.length; i++) {
      sink.addScaled(slots[i] / topK, 1, rows, i * sink.width(), sum);
    }
    sink.rest();
  }
}
