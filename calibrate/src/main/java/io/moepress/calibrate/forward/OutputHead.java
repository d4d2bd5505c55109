package io.moepress.calibrate.forward;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.torch.Torch;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import java.io.IOException;

/// From the last hidden states to logits: final norm, then the output head.
public final class OutputHead implements AutoCloseable {
  private final TorchScope weights = Torch.scope();
  private final RmsNorm norm;
  private final Linear head;

  /// Reads the head of a model.
  public OutputHead(MoeModel model) throws IOException {
    BlockLoader blocks = new BlockLoader(model);
    this.norm = blocks.norm(weights, TensorId.ofModel(TensorRole.FINAL_NORM));
    this.head = blocks.outputHead(weights);
  }

  /// The logits `[count, vocabulary]` of consecutive tokens; they belong to `scope`.
  public NDArray logits(TorchScope scope, HiddenStates hidden, long first, int count) {
    NDArray rows = scope.over(hidden.rows(first, count), count, hidden.width());
    return head.apply(norm.apply(rows));
  }

  /// Number of tokens in the vocabulary, `V`.
  public int vocabulary() {
    return Math.toIntExact(head.transposed().getShape().get(1));
  }

  @Override
  public void close() {
    weights.close();
  }
}
