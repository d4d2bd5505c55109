package io.moepress.prune;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// What DiEP ranks experts by.
public enum DiepScore {
  /// `N · ā · β` with `ā = softmax(α)`: the factor that the expert had in the end, as a multiple of
  /// an even share. The larger `β`, the higher, whatever the sign of `α`.
  SIGN_SAFE,
  /// `α · β`, as the paper has it: where `α` is negative, a larger `β` ranks an expert lower.
  RAW;

  /// The name in recipes.
  public String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /// The score with this [#label()].
  public static Optional<DiepScore> named(String label) {
    return Arrays.stream(values()).filter(score -> score.label().equals(label)).findFirst();
  }

  /// All labels, the default first.
  public static List<String> labels() {
    return Arrays.stream(values()).map(DiepScore::label).toList();
  }
}
