package io.moepress.recipes.planning;

import io.moepress.recipes.plan.LayerCodes;
import io.moepress.recipes.plan.QuantizeMethod;
import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;

/// A method that has found its codes already.
///
/// @param name of the method
/// @param sequential whether each layer was measured behind its predecessors as they will be
/// @param layers the layers with anything to quantise
/// @param bits what the codes are
public record DecidedCodes(
    String name, boolean sequential, SortedMap<Integer, LayerCodes> layers, ChosenBits bits)
    implements QuantizeMethod {

  public DecidedCodes {
    layers = Collections.unmodifiableSortedMap(new TreeMap<>(layers));
  }
}
