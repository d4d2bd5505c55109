package io.moepress.calibrate.evaluate;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.forward.HiddenStates;
import io.moepress.calibrate.forward.OutputHead;
import io.moepress.calibrate.torch.Torch;
import io.moepress.calibrate.torch.TorchScope;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/// Scores the tokens of one sequence from the last hidden states, a block of positions at a time,
/// so that the logits of a large vocabulary never stand in memory all at once.
///
/// @param model what is scored
/// @param reference what it is compared with, or null
record SequenceScorer(Predictor model, @Nullable Predictor reference) {
  private static final int MAX_LOGITS = 16 << 20;

  /// Last hidden states and the head that reads them.
  record Predictor(HiddenStates hidden, OutputHead head) {
    NDArray logProbabilities(TorchScope scope, long first, int count) {
      return head.logits(scope, hidden, first, count).logSoftmax(1);
    }
  }

  /// What is known about one sequence.
  ///
  /// @param logProbabilities of tokens 1 and following, given those before
  /// @param divergence sum over positions of `KL(reference ‖ model)`
  /// @param agreements number of positions with the same most likely token
  record Score(float[] logProbabilities, double divergence, long agreements) {}

  /// Scores a sequence.
  ///
  /// @param first row of its first token
  Score score(int[] ids, long first) {
    int predicted = ids.length - 1;
    float[] logProbabilities = new float[predicted];
    double divergence = 0;
    long agreements = 0;
    int block = positionsPerBlock();
    for (int start = 0; start < predicted; start += block) {
      int count = Math.min(block, predicted - start);
      try (TorchScope scope = Torch.scope()) {
        NDArray own = model.logProbabilities(scope, first + start, count);
        pick(own, ids, start, logProbabilities);
        if (reference != null) {
          NDArray other = reference.logProbabilities(scope, first + start, count);
          divergence += divergence(other, own);
          agreements += agreements(other, own);
        }
      }
    }
    model.hidden().rest(first, ids.length);
    if (reference != null) {
      reference.hidden().rest(first, ids.length);
    }
    return new Score(logProbabilities, divergence, agreements);
  }

  private int positionsPerBlock() {
    return Math.max(1, MAX_LOGITS / model.head().vocabulary());
  }

  private static void pick(NDArray rows, int[] ids, int start, float[] result) {
    MemorySegment values = TorchScope.values(rows);
    long vocabulary = rows.getShape().get(1);
    for (int i = 0; i < rows.getShape().get(0); i++) {
      result[start + i] = values.getAtIndex(JAVA_FLOAT, i * vocabulary + ids[start + i + 1]);
    }
  }

  private static double divergence(NDArray reference, NDArray model) {
    NDArray perPosition = reference.exp().muli(reference.sub(model)).sum(new int[] {1});
    double sum = 0;
    for (float value : TorchScope.values(perPosition).toArray(JAVA_FLOAT)) {
      sum += value;
    }
    return sum;
  }

  private static long agreements(NDArray reference, NDArray model) {
    return reference.argMax(1).eq(model.argMax(1)).countNonzero().getLong();
  }
}
