package io.moepress.recipes.lowering;

import io.moepress.formats.Checks;
import java.util.List;
import java.util.function.Function;

/// How one tensor of the result comes about. A plain value: no open file, the same result every
/// time.
public sealed interface TensorProgram {

  /// The tensors of the source that are read.
  List<String> sources();

  /// What is done, in a few words.
  String summary();

  /// This program on tensors that other programs make: the same bytes from the tensors these read.
  ///
  /// @param inner the program that makes a tensor, by its name
  TensorProgram after(Function<String, TensorProgram> inner);

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

    @Override
    public TensorProgram after(Function<String, TensorProgram> inner) {
      return inner.apply(source);
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

    @Override
    public TensorProgram after(Function<String, TensorProgram> inner) {
      return switch (inner.apply(source)) {
        case Copy copy -> new Rows(copy.source(), rows);
        case Rows first -> new Rows(first.source(), rows.stream().map(first.rows()::get).toList());
      };
    }
  }
}
