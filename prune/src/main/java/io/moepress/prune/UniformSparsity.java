package io.moepress.prune;

import io.moepress.recipes.plan.SparsityMethod;
import io.moepress.recipes.plan.SparsityRequest;
import io.moepress.recipes.plan.ZeroPattern;
import java.util.SortedMap;
import java.util.TreeMap;

/// A way to set weights to zero that treats all layers alike.
interface UniformSparsity extends SparsityMethod {

  @Override
  default SortedMap<Integer, ZeroPattern> patterns(SparsityRequest request) {
    SortedMap<Integer, ZeroPattern> patterns = new TreeMap<>();
    request.layers().forEach(layer -> patterns.put(layer, request.pattern()));
    return patterns;
  }
}
