package io.moepress.recipes.lowering;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.Architecture.Orientation;
import io.moepress.recipes.plan.PlanArray;
import io.moepress.recipes.plan.ZeroPattern;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// How one tensor of the result comes about. A plain value: no open file, the same result every
/// time.
public sealed interface TensorProgram {

  /// The tensors of the source that are read.
  List<String> sources();

  /// What is done, in a few words.
  String summary();

  /// Moves the bytes of a tensor, whatever their type.
  ///
  /// @param source name in the source
  record Copy(String source) implements TensorProgram {
    @Override
    public List<String> sources() {
      return List.of(source);
    }

    @Override
    public String summary() {
      return "copy";
    }
  }

  /// Moves some rows (indices along axis 0) of a tensor, in the order given.
  ///
  /// @param source name in the source
  /// @param rows indices along axis 0
  record Rows(String source, List<Integer> rows) implements TensorProgram {
    public Rows {
      rows = List.copyOf(rows);
      Checks.require(!rows.isEmpty(), "tensor %s: no rows", source);
    }

    @Override
    public List<String> sources() {
      return List.of(source);
    }

    @Override
    public String summary() {
      return "rows " + rows;
    }
  }

  /// Sets some elements of a selection bias, one for each expert, so low that the router never
  /// chooses these experts.
  ///
  /// @param of gives the bias
  /// @param experts the elements that are set
  record Mask(TensorProgram of, List<Integer> experts) implements TensorProgram {
    /// What they are set to: far below any score, and finite in every element type.
    public static final float BIAS = -1e4f;

    public Mask {
      experts = List.copyOf(experts);
      Checks.require(!experts.isEmpty(), "tensors %s: no expert to mask", of.sources());
    }

    @Override
    public List<String> sources() {
      return of.sources();
    }

    @Override
    public String summary() {
      return of.summary() + ", experts " + experts + " masked";
    }
  }

  /// Sets the weights of a linear map that matter least to zero: in each output row those with the
  /// smallest `|W_ij| · a_j`, where `a` are the norms of what the map reads; of equal ones the lower
  /// column goes first. All other weights keep their bytes.
  ///
  /// @param of gives the weights: `[out, in]`, or one such matrix after the other
  /// @param pattern how many of a row
  /// @param stacked which axis of each matrix comes first where `of` gives one for each expert; null:
  ///   it gives one matrix, output first
  /// @param norms `[rows, in]`
  /// @param rows of the norms that each matrix takes, in the order of the matrices; -1: the matrix
  ///   stays as it is
  record ZeroSmallest(
      TensorProgram of,
      ZeroPattern pattern,
      @Nullable Orientation stacked,
      PlanArray norms,
      List<Integer> rows)
      implements TensorProgram {
    /// Stands for a matrix that stays as it is.
    public static final int DENSE = -1;

    public ZeroSmallest {
      rows = List.copyOf(rows);
      Checks.require(
          stacked != null || rows.size() == 1, "tensors %s: norms %s", of.sources(), rows);
    }

    @Override
    public List<String> sources() {
      return of.sources();
    }

    /// The same for other matrices.
    ///
    /// @param weights gives them
    /// @param taken the row of the norms for each of them
    ZeroSmallest with(TensorProgram weights, List<Integer> taken) {
      return new ZeroSmallest(weights, pattern, stacked, norms, taken);
    }

    @Override
    public String summary() {
      String which = rows.contains(DENSE) ? " of matrices with norms" : "";
      return of.summary() + ", " + pattern + " of each row zero" + which;
    }
  }
}
