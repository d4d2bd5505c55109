package io.moepress.quantize;

import io.moepress.formats.integer.IntegerMatrix.Sharing;
import io.moepress.quantize.Gptq.GroupScales;
import java.util.Arrays;

/// Which columns share scales, and when these are known.
///
/// @param ofColumn the group of each column, not copied
/// @param count number of groups
/// @param updatedSize columns of a group in the order of visits whose scales follow when the first
///   of them is visited; 0 where all scales follow from the weights as they are given
/// @param acrossRows whether all rows share one scale
@SuppressWarnings("ArrayRecordComponent") // never compared
record ColumnGroups(int[] ofColumn, int count, int updatedSize, boolean acrossRows) {

  static ColumnGroups of(Sharing sharing, GroupScales scales, GptqFactor factor) {
    int columns = factor.columns();
    if (scales == GroupScales.UPDATED
        && sharing instanceof Sharing.Group(int size)
        && size < columns) {
      int[] groups = new int[columns];
      for (int position = 0; position < columns; position++) {
        groups[factor.visited()[position]] = position / size;
      }
      return new ColumnGroups(groups, Math.ceilDiv(columns, size), size, false);
    }
    int[] groups = sharing.groups(columns);
    int count = Arrays.stream(groups).max().orElse(0) + 1;
    return new ColumnGroups(groups, count, 0, sharing instanceof Sharing.Tensor);
  }

  boolean areUpdated() {
    return updatedSize > 0;
  }

  /// Columns to visit one by one between products of matrices; ends with a group where scales are
  /// updated.
  int block(int wanted) {
    return areUpdated() ? Math.max(1, wanted / updatedSize) * updatedSize : wanted;
  }
}
