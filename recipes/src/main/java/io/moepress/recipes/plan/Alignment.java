package io.moepress.recipes.plan;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// How neurons of experts are matched before the experts are averaged. The neurons of an expert may
/// stand in any order without changing what it does, so those of two experts that stand in the same
/// place need have nothing in common.
public enum Alignment {
  /// Each neuron goes with those in the same place.
  NONE,
  /// One to one, so that matched neurons have the most similar weights.
  WEIGHTS,
  /// One to one, so that matched neurons fire together on the same tokens.
  ACTIVATIONS;

  /// The name in recipes.
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// The alignment with this [#label()].
  public static Optional<Alignment> named(String label) {
    return Arrays.stream(values()).filter(value -> value.label().equals(label)).findFirst();
  }

  /// All labels, the default first.
  public static List<String> labels() {
    return Arrays.stream(values()).map(Alignment::label).toList();
  }
}
