package io.moepress.formats.integer;

import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import java.util.Map;
import java.util.SortedMap;

/// How a linear layer's integer weights are stored, as several tensors.
public sealed interface IntegerLayout permits GptqLayout, PackQuantized {

  /// The tensors of a matrix whose groups are consecutive columns, by what their names end with.
  ///
  /// @param weight name, type and shape of the weights
  SortedMap<String, TensorInfo> layout(TensorInfo weight, IntegerScheme scheme);

  /// The tensors of a matrix, by name.
  ///
  /// @param weight name, type and shape of the weights
  /// @throws io.moepress.formats.FormatException when the layout has no place for it
  Map<String, TensorData> encode(TensorInfo weight, IntegerMatrix matrix);

  /// One of these tensors, for whoever writes them one by one.
  ///
  /// @param suffix what its name ends with, a key of [#layout]
  default TensorData part(TensorInfo weight, IntegerMatrix matrix, String suffix) {
    return encode(weight, matrix).values().stream()
        .filter(tensor -> tensor.info().name().endsWith(suffix))
        .findFirst()
        .orElseThrow();
  }

  /// Whether one of the tensors depends on codes, and not on scales and shape alone.
  default boolean holdsCodes(String suffix) {
    return true;
  }

  /// The type that scales are stored in.
  ///
  /// @param weights the type of the weights
  DType scaleType(DType weights);
}
