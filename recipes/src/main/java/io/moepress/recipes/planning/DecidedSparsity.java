package io.moepress.recipes.planning;

import io.moepress.recipes.plan.SparsityMethod;
import io.moepress.recipes.plan.SparsityRequest;
import io.moepress.recipes.plan.ZeroPattern;
import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;

/// A method that has compared the layers already.
///
/// @param name of the method
/// @param patterns by decoder layer
public record DecidedSparsity(String name, SortedMap<Integer, ZeroPattern> patterns)
    implements SparsityMethod {

  public DecidedSparsity {
    patterns = Collections.unmodifiableSortedMap(new TreeMap<>(patterns));
  }

  @Override
  public SortedMap<Integer, ZeroPattern> patterns(SparsityRequest request) {
    return patterns;
  }
}
