package io.moepress.calibrate.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.torch.Torch;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Runs the routed experts of one layer, each on all tokens that chose it. Where several router
/// rows lead to one expert, it is run once for each row, in the order of rows: the sums are then
/// the same bits as those of a model in which every row has an expert of its own.
final class ExpertRunner {
  /// Elements of one token's rows, in and between the matrices, times tokens at a time.
  private static final long BLOCK_ELEMENTS = 8L << 20;

  private static final int LARGEST_BLOCK = 8192;
  private static final int SMALLEST_BLOCK = 256;

  private final int layer;
  private final int experts;
  private final int block;
  private final BlockLoader blocks;
  private final Workers workers;
  private final Set<ExpertSum> wanted;

  /// Prepares a layer.
  ///
  /// @param wanted the sums to form on the way
  ExpertRunner(int layer, int experts, BlockLoader blocks, Workers workers, Set<ExpertSum> wanted) {
    this.layer = layer;
    this.experts = experts;
    this.block = tokensPerBlock(blocks.layout());
    this.blocks = blocks;
    this.workers = workers;
    this.wanted = wanted;
  }

  /// What the experts did, beside their outputs.
  ///
  /// @param norms of the output of each slot
  /// @param maxima largest absolute element of the output of each slot
  /// @param sums those wanted, `[E]` rows
  record Result(float[] norms, float[] maxima, Map<ExpertSum, double[][]> sums) {}

  /// Tokens an expert works on at a time: enough for a matrix product to be efficient beside
  /// reading the expert, few enough for its activations to be small.
  static int tokensPerBlock(ModelLayout layout) {
    long width =
        (long) layout.dimension(Dimension.HIDDEN) + layout.dimension(Dimension.EXPERT_WIDTH);
    return Math.clamp(BLOCK_ELEMENTS / width, SMALLEST_BLOCK, LARGEST_BLOCK);
  }

  /// One expert and some of the slots in which it was chosen.
  record Batch(int expert, int[] slots) {

    /// The rows of the slots' tokens, one below the other.
    MemorySegment gather(TorchScope scope, HiddenStates states, int topK) {
      MemorySegment gathered = scope.floats((long) slots.length * states.width());
      for (int i = 0; i < slots.length; i++) {
        MemorySegment source = states.row(slots[i] / topK);
        MemorySegment.copy(source, 0, gathered, i * source.byteSize(), source.byteSize());
      }
      return gathered;
    }
  }

  /// An expert's outputs for a batch, a row for each slot, and the sums over the batch.
  private record Computed(float[] rows, Map<ExpertSum, double[]> sums) {}

  /// Adds every expert's weighted outputs to the rows of `outputs`, in the order of experts.
  ///
  /// @param inputs what the experts see, `[tokens, hidden]`
  Result run(HiddenStates inputs, Routing routing, HiddenStates outputs) throws IOException {
    ColumnSums sums = new ColumnSums(experts);
    float[] norms = new float[routing.experts().length];
    float[] maxima = new float[routing.experts().length];
    List<Batch> batches = batches(routing, experts, block);
    workers.ordered(
        batches.size(),
        index -> {
          Batch batch = batches.get(index);
          Computed computed = compute(batch, inputs, routing);
          measure(batch, computed.rows(), norms, maxima);
          return computed;
        },
        (index, computed) -> {
          add(batches.get(index), computed.rows(), routing, outputs);
          sums.add(batches.get(index).expert(), computed.sums());
          inputs.rest();
          outputs.rest();
        });
    return new Result(norms, maxima, sums.all());
  }

  /// All slots, expert by expert, at most `block` of them together.
  static List<Batch> batches(Routing routing, int experts, int block) {
    List<Batch> batches = new ArrayList<>();
    int[][] slots = routing.slotsByExpert(experts);
    for (int expert = 0; expert < experts; expert++) {
      for (int first = 0; first < slots[expert].length; first += block) {
        int end = Math.min(first + block, slots[expert].length);
        batches.add(new Batch(expert, Arrays.copyOfRange(slots[expert], first, end)));
      }
    }
    return batches;
  }

  private Computed compute(Batch batch, HiddenStates inputs, Routing routing) throws IOException {
    int width = inputs.width();
    int count = batch.slots().length;
    try (TorchScope scope = Torch.scope()) {
      MemorySegment gathered = batch.gather(scope, inputs, routing.topK());
      NDArray x = scope.over(gathered, count, width);
      GatedNetwork network = blocks.expert(scope, layer, batch.expert());
      NDArray intermediate = network.intermediate(x);
      float[] rows = TorchScope.values(network.down().apply(intermediate)).toArray(JAVA_FLOAT);
      Map<ExpertSum, double[]> sums = new EnumMap<>(ExpertSum.class);
      for (ExpertSum sum : wanted) {
        sums.put(
            sum,
            switch (sum) {
              case OUTPUTS -> ColumnSums.sums(MemorySegment.ofArray(rows), count);
              case INPUT_SQUARES -> ColumnSums.squares(gathered, count);
              case INTERMEDIATE_SQUARES ->
                  ColumnSums.squares(TorchScope.values(intermediate), count);
              case GATED_INPUT_SQUARES -> ColumnSums.squares(gathered, weights(batch, routing));
              case GATED_INTERMEDIATE_SQUARES ->
                  ColumnSums.squares(TorchScope.values(intermediate), weights(batch, routing));
            });
      }
      return new Computed(rows, sums);
    }
  }

  /// What the outputs of a batch are multiplied with.
  private static float[] weights(Batch batch, Routing routing) {
    float[] weights = new float[batch.slots().length];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = routing.weights()[batch.slots()[i]];
    }
    return weights;
  }

  private static void measure(Batch batch, float[] rows, float[] norms, float[] maxima) {
    int width = rows.length / batch.slots().length;
    for (int i = 0; i < batch.slots().length; i++) {
      int slot = batch.slots()[i];
      norms[slot] = (float) Math.sqrt(squares(rows, i * width, width));
      maxima[slot] = maximum(rows, i * width, width);
    }
  }

  /// The sum of squares, in two interleaved sums that a processor can take side by side.
  private static double squares(float[] rows, int first, int width) {
    double even = 0;
    double odd = 0;
    int end = first + width - width % 2;
    for (int i = first; i < end; i += 2) {
      even += (double) rows[i] * rows[i];
      odd += (double) rows[i + 1] * rows[i + 1];
    }
    double last = width % 2 == 0 ? 0 : rows[end];
    return even + odd + last * last;
  }

  private static float maximum(float[] rows, int first, int width) {
    float maximum = 0;
    for (int i = first; i < first + width; i++) {
      maximum = Math.max(maximum, Math.abs(rows[i]));
    }
    return maximum;
  }

  private static void add(Batch batch, float[] rows, Routing routing, HiddenStates outputs) {
    float[] sum = new float[outputs.width()];
    for (int i = 0; i < batch.slots().length; i++) {
      int slot = batch.slots()[i];
      int token = slot / routing.topK();
      outputs.addScaled(token, routing.weights()[slot], rows, i * outputs.width(), sum);
    }
  }
}
