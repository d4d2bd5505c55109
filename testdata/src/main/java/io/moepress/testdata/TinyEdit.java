package io.moepress.testdata;

import java.util.SortedMap;

/// One change to the tensors of a [TinyMoe] in the making; [Planted] has those with a known answer.
@FunctionalInterface
public interface TinyEdit {

  /// @param moe the sizes and names
  /// @param tensors the tensors by name, in any dtype; theirs to change, arrays included
  void apply(TinyMoe moe, SortedMap<String, TinyTensor> tensors);
}
