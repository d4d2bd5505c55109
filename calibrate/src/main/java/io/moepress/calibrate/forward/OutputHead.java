package io.moepress.calibrate.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import io.moepress.calibrate.torch.Torch;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import java.io.IOException;
import java.util.List;
import java.util.function.Consumer;

/// From the last hidden states to logits: final norm, then the output head. The head of a large
/// vocabulary is held in parts, since one array is limited to 2 GiB.
public final class OutputHead implements AutoCloseable {
  private final TorchScope weights = Torch.scope();
  private final RmsNorm norm;
  private final List<Linear> parts;

  /// Reads the head of a model.
  public OutputHead(MoeModel model) throws IOException {
    BlockLoader blocks = new BlockLoader(model);
    this.norm = blocks.norm(weights, TensorId.ofModel(TensorRole.FINAL_NORM));
    this.parts = blocks.outputHead(weights);
  }

  /// Gives the logits of the first tokens for consecutive entries of the vocabulary, `[count,
  /// entries]`, part after part. No more of the head than a part is in memory.
  public static void inParts(
      MoeModel model, HiddenStates hidden, int count, Consumer<float[]> logits) throws IOException {
    inParts(model, hidden, count, WeightLoader.MAX_PART_BYTES, logits);
  }

  static void inParts(
      MoeModel model, HiddenStates hidden, int count, long bytes, Consumer<float[]> logits)
      throws IOException {
    BlockLoader blocks = new BlockLoader(model);
    try (TorchScope scope = Torch.scope()) {
      RmsNorm norm = blocks.norm(scope, TensorId.ofModel(TensorRole.FINAL_NORM));
      NDArray normed = norm.apply(scope.over(hidden.rows(0, count), count, hidden.width()));
      blocks.forEachPartOfHead(
          bytes,
          rows -> {
            try (TorchScope part = Torch.scope();
                NDArray some = WeightLoader.linear(part, rows).apply(normed)) {
              logits.accept(TorchScope.values(some).toArray(JAVA_FLOAT));
            }
          });
    }
  }

  /// The logits `[count, vocabulary]` of consecutive tokens; they belong to `scope`.
  public NDArray logits(TorchScope scope, HiddenStates hidden, long first, int count) {
    return logits(normed(scope.over(hidden.rows(first, count), count, hidden.width())));
  }

  /// What the head sees of last hidden states `[count, hidden]`.
  NDArray normed(NDArray rows) {
    return norm.apply(rows);
  }

  /// The logits `[count, vocabulary]` of rows behind the final norm.
  NDArray logits(NDArray normed) {
    NDList logits = new NDList();
    parts.forEach(part -> logits.add(part.apply(normed)));
    return logits.size() == 1 ? logits.head() : NDArrays.concat(logits, 1);
  }

  /// Number of tokens in the vocabulary, `V`.
  public int vocabulary() {
    return parts.stream().mapToInt(part -> (int) part.transposed().getShape().get(1)).sum();
  }

  @Override
  public void close() {
    weights.close();
  }
}
