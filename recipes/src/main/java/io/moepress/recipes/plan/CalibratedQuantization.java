package io.moepress.recipes.plan;

import io.moepress.formats.integer.IntegerMatrix;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.formats.tensor.DType;
import java.util.List;

/// A way to find codes that looks at what the linear maps read.
public interface CalibratedQuantization extends QuantizeMethod {

  /// How the inputs are looked at.
  HessianOptions hessians();

  /// A matrix whose codes are sought.
  ///
  /// @param values finite, `[rows, columns]`, row-major
  /// @param rows number of outputs
  /// @param scheme what the codes are
  /// @param scaleType what scales are stored as
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Weights(float[] values, int rows, IntegerScheme scheme, DType scaleType) {}

  /// What was found for a matrix.
  ///
  /// @param matrix the codes
  /// @param loss `tr((W - Ŵ) · H · (W - Ŵ)ᵀ)`
  /// @param damping share of the mean of the Hessian's diagonal that was added to it
  /// @param retries how often that had to be raised
  record Codes(IntegerMatrix matrix, double loss, double damping, int retries) {}

  /// Finds the codes of matrices that read the same inputs. A pure function.
  ///
  /// @param weights all with equally many columns
  /// @param hessian `Σ x·xᵀ` over their inputs, `[columns, columns]`; zeros: nobody has seen them,
  ///   and weights are rounded to the nearest
  /// @return in the order of the weights
  List<Codes> encode(List<Weights> weights, double[] hessian);
}
