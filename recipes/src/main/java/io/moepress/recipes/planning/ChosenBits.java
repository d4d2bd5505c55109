package io.moepress.recipes.planning;

import java.util.List;

/// The schemes of experts, where a method may have chosen their bits.
///
/// @param schemes of every matrix
/// @param notes how they came about, for the reader of a plan
public record ChosenBits(ExpertSchemes schemes, List<String> notes) {
  public ChosenBits {
    notes = List.copyOf(notes);
  }
}
