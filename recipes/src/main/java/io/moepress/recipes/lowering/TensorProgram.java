package io.moepress.recipes.lowering;

import io.moepress.formats.Checks;
import java.util.List;

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
}
