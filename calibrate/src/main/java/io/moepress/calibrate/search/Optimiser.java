package io.moepress.calibrate.search;

import io.moepress.recipes.evidence.OptimiserKind;
import java.util.Arrays;

/// Moves parameters against their gradient.
sealed interface Optimiser {

  /// Takes a step.
  ///
  /// @param parameters are changed in place
  /// @param gradient as many numbers
  /// @param rate length of the step
  void step(double[] parameters, double[] gradient, double rate);

  /// What it remembers of earlier steps; not copied.
  Memory memory();

  /// The memory of an optimiser.
  ///
  /// @param steps number of steps so far
  /// @param mean running mean of the gradient; empty when there is nothing to remember
  /// @param square running mean of its square
  record Memory(int steps, double[] mean, double[] square) {
    static final Memory NONE = new Memory(0, new double[0], new double[0]);
  }

  /// An optimiser that goes on with the memory of another of its kind.
  static Optimiser of(OptimiserKind kind, Memory memory) {
    return switch (kind) {
      case ADAM -> new Adam(memory);
      case SGD -> new Sgd();
    };
  }

  /// `p -= rate · g`.
  record Sgd() implements Optimiser {
    @Override
    public void step(double[] parameters, double[] gradient, double rate) {
      for (int i = 0; i < parameters.length; i++) {
        parameters[i] -= rate * gradient[i];
      }
    }

    @Override
    public Memory memory() {
      return Memory.NONE;
    }
  }

  /// Adam: `p -= rate · m̂ / (√v̂ + ε)` with running means `m` of `g` and `v` of `g²`, both
  /// corrected for their start at 0.
  ///
  /// Source: Kingma and Ba, arXiv:1412.6980, algorithm 1, with its constants.
  final class Adam implements Optimiser {
    private static final double DECAY = 0.9;
    private static final double SQUARE_DECAY = 0.999;
    private static final double EPSILON = 1e-8;

    private int steps;
    private double[] mean;
    private double[] square;

    Adam(Memory memory) {
      this.steps = memory.steps();
      this.mean = memory.mean().clone();
      this.square = memory.square().clone();
    }

    @Override
    public void step(double[] parameters, double[] gradient, double rate) {
      mean = Arrays.copyOf(mean, parameters.length);
      square = Arrays.copyOf(square, parameters.length);
      steps++;
      double meanCorrection = 1 - Math.pow(DECAY, steps);
      double squareCorrection = 1 - Math.pow(SQUARE_DECAY, steps);
      for (int i = 0; i < parameters.length; i++) {
        mean[i] = DECAY * mean[i] + (1 - DECAY) * gradient[i];
        square[i] = SQUARE_DECAY * square[i] + (1 - SQUARE_DECAY) * gradient[i] * gradient[i];
        double root = Math.sqrt(square[i] / squareCorrection);
        parameters[i] -= rate * mean[i] / meanCorrection / (root + EPSILON);
      }
    }

    @Override
    public Memory memory() {
      return new Memory(steps, mean, square);
    }
  }
}
