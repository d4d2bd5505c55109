package io.moepress.calibrate.measure;

import io.moepress.formats.integer.IntegerMatrix;
import io.moepress.recipes.plan.CalibratedQuantization;
import io.moepress.recipes.plan.HessianOptions;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/// Rounds weights that depend on the Hessian, and remembers what it was asked.
final class Looking implements CalibratedQuantization {
  private final HessianOptions hessians;
  final Queue<Seen> seen = new ConcurrentLinkedQueue<>();

  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Seen(List<Weights> weights, double[] hessian) {}

  Looking(HessianOptions hessians) {
    this.hessians = hessians;
  }

  @Override
  public String name() {
    return "looking";
  }

  @Override
  public HessianOptions hessians() {
    return hessians;
  }

  @Override
  public String toString() {
    return name() + hessians;
  }

  @Override
  public List<Codes> encode(List<Weights> weights, double[] hessian) {
    seen.add(new Seen(weights, hessian.clone()));
    return weights.stream().map(each -> encode(each, hessian)).toList();
  }

  private static Codes encode(Weights weights, double[] hessian) {
    int columns = weights.values().length / weights.rows();
    float[] values = weights.values().clone();
    for (int i = 0; i < values.length; i++) {
      int column = i % columns;
      values[i] *= (float) (1 + Math.tanh(hessian[column * columns + column]));
    }
    return new Codes(
        IntegerMatrix.encode(
            values,
            weights.rows(),
            weights.scheme().grid(),
            weights.scheme().sharing(),
            weights.scaleType()),
        0,
        0,
        0);
  }
}
