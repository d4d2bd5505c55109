package io.moepress.calibrate.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.forward.Goal.Loss;
import io.moepress.calibrate.torch.GradientTape;
import io.moepress.calibrate.torch.Torch;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/// The end of the way forth and the beginning of the way back: the loss, and its gradient with
/// respect to the last hidden states, some positions of a text at a time.
///
/// Where the distance of a text is 0 it has no gradient; 0 is taken, a subgradient.
///
/// @param head the model's
/// @param texts what went through the model
/// @param goal what the loss is
/// @param original last hidden states of the original model
/// @param originalRows the first row in `original` of each text
record HeadGradient(
    OutputHead head, Corpus texts, Goal goal, HiddenStates original, int[] originalRows) {
  static final int MAX_LOGITS = 4 << 20;

  /// What one text gives.
  private record Part(double negativeLogLikelihood, double distance) {}

  /// The states of one text.
  ///
  /// @param index of the text
  /// @param hidden last hidden states of all texts
  /// @param gradient where the gradient goes
  private record Job(int index, int first, int[] ids, HiddenStates hidden, HiddenStates gradient) {}

  /// A block of a text's positions.
  private record Block(int start, int count) {}

  /// The loss.
  ///
  /// @param hidden last hidden states, before the final norm
  /// @param gradient is set to the gradient with respect to them
  Loss run(HiddenStates hidden, HiddenStates gradient, Workers workers) throws IOException {
    int[] starts = texts.starts();
    double[] sums = new double[2];
    workers.ordered(
        starts.length,
        index ->
            run(
                new Job(
                    index, starts[index], texts.sequences().get(index).ids(), hidden, gradient)),
        (index, part) -> {
          sums[0] += part.negativeLogLikelihood();
          sums[1] += part.distance();
        });
    return new Loss(sums[0] / predicted(), sums[1] / starts.length);
  }

  /// Number of tokens that have one before them; 1 when there is none.
  private int predicted() {
    int tokens = texts.tokens() - texts.sequences().size();
    return Math.max(1, tokens);
  }

  private Part run(Job job) {
    double squares = 0;
    for (Block block : blocks(job.ids().length)) {
      try (TorchScope scope = Torch.scope()) {
        NDArray rows = rows(scope, job.hidden(), job.first(), block);
        squares += squares(difference(scope, compared(rows), job, block));
      }
    }
    double distance = Math.sqrt(squares);
    double negativeLogLikelihood = 0;
    for (Block block : blocks(job.ids().length)) {
      negativeLogLikelihood += backward(job, block, distance);
    }
    job.hidden().rest(job.first(), job.ids().length);
    job.gradient().rest(job.first(), job.ids().length);
    original.rest(originalRows[job.index()], job.ids().length);
    return new Part(negativeLogLikelihood, distance);
  }

  private List<Block> blocks(int tokens) {
    int size = Math.max(1, MAX_LOGITS / head.vocabulary());
    List<Block> blocks = new ArrayList<>();
    for (int start = 0; start < tokens; start += size) {
      blocks.add(new Block(start, Math.min(size, tokens - start)));
    }
    return blocks;
  }

  private double backward(Job job, Block block, double distance) {
    try (TorchScope scope = Torch.scope();
        GradientTape tape = new GradientTape()) {
      NDArray rows = tape.variable(rows(scope, job.hidden(), job.first(), block));
      NDArray normed = head.normed(rows);
      NDArray logits = head.logits(normed);
      NDArray picked = logits.logSoftmax(1).gather(scope.indices(next(job.ids(), block)), 1);
      float[] upstream = weights(job.ids(), block);
      List<NDArray> results = new ArrayList<>(List.of(picked));
      List<NDArray> gradients = new ArrayList<>(List.of(scope.copy(upstream, block.count(), 1)));
      if (distance > 0 && goal.lambda() > 0) {
        NDArray compared =
            switch (goal.distance()) {
              case HIDDEN -> normed;
              case LOGITS -> logits;
            };
        results.add(compared);
        double factor = goal.lambda() / (distance * texts.sequences().size());
        gradients.add(difference(scope, compared, job, block).stopGradient().mul(factor));
      }
      float[] values = TorchScope.values(picked).toArray(JAVA_FLOAT);
      tape.backward(results.toArray(NDArray[]::new), gradients.toArray(NDArray[]::new));
      job.gradient()
          .rows(job.first() + block.start(), block.count())
          .copyFrom(TorchScope.values(tape.gradient(rows)));
      double sum = 0;
      for (int i = 0; i < values.length; i++) {
        sum -= upstream[i] == 0 ? 0 : values[i];
      }
      return sum;
    }
  }

  /// The token behind each position, 0 behind the last.
  private static long[] next(int[] ids, Block block) {
    long[] next = new long[block.count()];
    for (int i = 0; i < next.length && block.start() + i + 1 < ids.length; i++) {
      next[i] = ids[block.start() + i + 1];
    }
    return next;
  }

  /// What each position's log-probability counts in the loss: nothing at the end of a text.
  private float[] weights(int[] ids, Block block) {
    float[] weights = new float[block.count()];
    for (int i = 0; i < weights.length && block.start() + i + 1 < ids.length; i++) {
      weights[i] = -1f / predicted();
    }
    return weights;
  }

  private NDArray compared(NDArray rows) {
    return switch (goal.distance()) {
      case HIDDEN -> head.normed(rows);
      case LOGITS -> head.logits(head.normed(rows));
    };
  }

  private NDArray difference(TorchScope scope, NDArray compared, Job job, Block block) {
    return compared.sub(compared(rows(scope, original, originalRows[job.index()], block)));
  }

  private static NDArray rows(TorchScope scope, HiddenStates states, int first, Block block) {
    return LayerRunner.view(scope, states, first + block.start(), block.count());
  }

  private static double squares(NDArray values) {
    double sum = 0;
    for (float value : TorchScope.values(values).toArray(JAVA_FLOAT)) {
      sum += (double) value * value;
    }
    return sum;
  }
}
