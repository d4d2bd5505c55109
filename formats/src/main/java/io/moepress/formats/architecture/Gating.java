package io.moepress.formats.architecture;

import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.Architecture.Activation;
import io.moepress.formats.architecture.Architecture.Clamp;

/// How a gated feed-forward network joins gate and up projection, with the numbers of one model.
///
/// @param activation the kind
/// @param limit bound on both projections; infinite where there is none
/// @param slope factor within the sigmoid
public record Gating(Activation activation, float limit, float slope) {

  /// What a model's architecture file says.
  ///
  /// @throws FormatException when a number is missing
  public static Gating of(ModelLayout layout) {
    Activation activation = layout.architecture().activation();
    return switch (activation) {
      case SILU -> new Gating(activation, Float.POSITIVE_INFINITY, 1);
      case CLAMPED_SILU -> {
        Clamp clamp = layout.architecture().clamp();
        if (clamp == null) {
          throw FormatException.of(
              "architecture %s: activation \"clamped-silu\" without \"clamp\" (expected its limit"
                  + " and slope)",
              layout.architecture().modelTypes());
        }
        yield new Gating(activation, number(layout, clamp.limit()), number(layout, clamp.slope()));
      }
    };
  }

  private static float number(ModelLayout layout, String formula) {
    return (float)
        layout
            .number(formula)
            .orElseThrow(
                () -> FormatException.of("config.json: clamp: no value for \"%s\"", formula));
  }
}
