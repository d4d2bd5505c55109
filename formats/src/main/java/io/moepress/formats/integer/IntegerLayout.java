package io.moepress.formats.integer;

import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import java.util.Map;
import java.util.SortedMap;

/// How a linear layer's integer weights are stored, as several tensors.
public sealed interface IntegerLayout permits GptqLayout, PackQuantized {
  /// Weights of a block of rows, or more where the fewest rows have more.
  int BLOCK = 1 << 18;

  /// The tensors of a matrix whose groups are consecutive columns, by what their names end with.
  ///
  /// @param weight name, type and shape of the weights
  SortedMap<String, TensorInfo> layout(TensorInfo weight, IntegerScheme scheme);

  /// Rows of a matrix that fill whole words: it may be put into its tensors by multiples of them.
  int rowsAtOnce(int bits);

  /// Rows of a matrix to work on at a time: few enough for arrays of their weights to be let go
  /// soon. Arrays as large as a matrix outlive their use in Java's heap.
  default int blockRows(int bits, int columns) {
    int atOnce = rowsAtOnce(bits);
    return Math.max(1, BLOCK / Math.max(1, columns) / atOnce) * atOnce;
  }

  /// Puts consecutive rows of a matrix into its tensors.
  ///
  /// @param weight name, type and shape of all its weights
  /// @param first index of the first row, a multiple of [#rowsAtOnce]
  /// @param rows a multiple too, or all that are left
  /// @param tensors those of [#layout], or some of them, by what their names end with; get the rows
  /// @throws io.moepress.formats.FormatException when the layout has no place for the matrix
  void put(TensorInfo weight, int first, IntegerMatrix rows, Map<String, TensorData> tensors);

  /// Whether one of the tensors depends on codes, and not on scales and shape alone.
  default boolean holdsCodes(String suffix) {
    return true;
  }

  /// The type that scales are stored in.
  ///
  /// @param weights the type of the weights
  DType scaleType(DType weights);
}
