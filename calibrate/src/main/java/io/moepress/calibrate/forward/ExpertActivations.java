package io.moepress.calibrate.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.torch.Torch;
import io.moepress.calibrate.torch.TorchScope;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.stream.IntStream;

/// Runs single experts of a layer once more, as far as what their down projection reads.
///
/// @param inputs what experts see, a row for each token
/// @param routing who sees which
record ExpertActivations(int layer, BlockLoader blocks, HiddenStates inputs, Routing routing)
    implements MoePass.ActivationSource {
  private static final int TOKENS = 1024;

  @Override
  public void of(int expert, MoePass.ActivationSink sink) throws IOException {
    int[] chosen = routing.experts();
    int[] slots = IntStream.range(0, chosen.length).filter(i -> chosen[i] == expert).toArray();
    if (slots.length == 0) {
      return;
    }
    try (TorchScope weights = Torch.scope()) {
      GatedNetwork network = blocks.expert(weights, layer, expert);
      for (int first = 0; first < slots.length; first += TOKENS) {
        int end = Math.min(first + TOKENS, slots.length);
        show(network, Arrays.copyOfRange(slots, first, end), sink);
      }
    }
    inputs.rest();
  }

  private void show(GatedNetwork network, int[] slots, MoePass.ActivationSink sink) {
    try (TorchScope scope = Torch.scope()) {
      MemorySegment rows = new ExpertRunner.Batch(0, slots).gather(scope, inputs, routing.topK());
      NDArray x = scope.over(rows, slots.length, inputs.width());
      float[] intermediates = TorchScope.values(network.intermediate(x)).toArray(JAVA_FLOAT);
      float[] gates = new float[slots.length];
      for (int i = 0; i < gates.length; i++) {
        gates[i] = routing.weights()[slots[i]];
      }
      sink.accept(rows.toArray(JAVA_FLOAT), intermediates, gates);
    }
  }
}
