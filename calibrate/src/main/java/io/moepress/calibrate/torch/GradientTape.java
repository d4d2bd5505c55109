package io.moepress.calibrate.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import io.moepress.formats.Checks;

/// Records what the calling thread calculates with variables, so that it can be differentiated.
///
/// DJL's own collector is one for the whole process. The engine itself records for each thread by
/// itself, and works backward on the thread that asks for it; so jobs on different threads
/// differentiate at the same time, and none sees another's variables.
public final class GradientTape implements AutoCloseable {
  private final boolean before;

  /// Begins to record.
  public GradientTape() {
    this.before = JniUtils.isGradMode();
    JniUtils.setGradMode(true);
  }

  /// Makes a variable of an array. Nothing may change it in place afterwards.
  public NDArray variable(NDArray array) {
    array.setRequiresGradient(true);
    return array;
  }

  /// Adds `Σ ∂⟨result, upstream⟩ / ∂variable` to the gradient of every variable that results were
  /// made of. What was recorded for them is let go.
  ///
  /// @param results and, at the same index, their upstream gradients, of equal shapes
  public void backward(NDArray[] results, NDArray[] upstream) {
    Checks.require(
        results.length > 0 && results.length == upstream.length,
        "%d results with %d gradients",
        results.length,
        upstream.length);
    if (results.length == 1) {
      JniUtils.backward(engine(results[0]), engine(upstream[0]), false, false);
      return;
    }
    NDArray total = results[0].mul(upstream[0]).sum();
    for (int i = 1; i < results.length; i++) {
      total = total.add(results[i].mul(upstream[i]).sum());
    }
    JniUtils.backward(engine(total), engine(total.onesLike()), false, false);
  }

  /// The gradient of a variable; zeros when nothing depended on it.
  public NDArray gradient(NDArray variable) {
    return variable.getGradient();
  }

  private static PtNDArray engine(NDArray array) {
    if (array instanceof PtNDArray ofTorch) {
      return ofTorch;
    }
    throw new IllegalArgumentException("an array of another engine: " + array.getClass());
  }

  @Override
  public void close() {
    JniUtils.setGradMode(before);
  }
}
