package io.moepress.quantize;

/// Weights that share a width. Options are the widths, by their place in the list of all.
///
/// @param layer decoder layer index; of one that spans layers, the first
/// @param members the items, by index
/// @param weights how many weights they have together
/// @param costs of each option
/// @param isGuarded whether only the last option is open
record WidthGroup(int layer, int[] members, long weights, double[] costs, boolean isGuarded) {

  /// The first option that is open; all behind it are.
  int first() {
    return isGuarded ? costs.length - 1 : 0;
  }
}
