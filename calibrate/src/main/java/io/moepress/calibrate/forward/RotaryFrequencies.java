package io.moepress.calibrate.forward;

import io.moepress.formats.FormatException;
import io.moepress.formats.checkpoint.ModelConfig;

/// The inverse frequencies of a rotary embedding, with the scaling that a config asks for.
///
/// With `d` the rotated width, `θ` the base and `f` the factor, `base_i = θ^(-2i/d)`, and
///
/// | type      | inverse frequency                                              | magnitude |
/// |-----------|----------------------------------------------------------------|-----------|
/// | `default` | `base_i`                                                       | 1         |
/// | `linear`  | `base_i / f`                                                   | 1         |
/// | `llama3`  | long waves `base_i / f`, short ones `base_i`, between: blended | 1         |
/// | `yarn`    | see [YarnScaling]                                              |           |
/// | `dynamic`, `longrope` | see [LengthScaling]                                |           |
///
/// @param scaling inverse frequencies by the length of a sequence
/// @param magnitude factor on cosine and sine
record RotaryFrequencies(LengthScaling scaling, double magnitude) {

  /// The same frequencies for all lengths.
  ///
  /// @param inverse one for each pair of elements, `[d/2]`; not copied
  RotaryFrequencies(double[] inverse, double magnitude) {
    this(new LengthScaling.Fixed(inverse), magnitude);
  }

  /// Inverse frequencies of a short sequence, `[d/2]`; not copied.
  double[] inverse() {
    return inverse(1);
  }

  /// Inverse frequencies of a sequence of `tokens`, `[d/2]`; not copied.
  double[] inverse(int tokens) {
    return scaling.inverse(tokens);
  }

  /// Reads the settings of a config.
  ///
  /// @param width number of rotated elements of a head, `d`
  static RotaryFrequencies of(ModelConfig config, int width) {
    RotarySettings settings = RotarySettings.of(config);
    double[] base = base(settings.theta(), width);
    return switch (settings.type()) {
      case "default" -> new RotaryFrequencies(base, 1);
      case "linear" -> new RotaryFrequencies(linear(base, settings), 1);
      case "llama3" -> new RotaryFrequencies(llama3(base, settings), 1);
      case "yarn" -> YarnScaling.apply(settings, base);
      case "dynamic" -> LengthScaling.dynamic(settings, width);
      case "longrope" -> LengthScaling.longrope(settings, base);
      default ->
          throw FormatException.of(
              "config.json: rope_type \"%s\" (expected default, linear, dynamic, llama3, yarn or"
                  + " longrope)",
              settings.type());
    };
  }

  /// Frequencies without scaling, `θ^(-2i/d)`.
  static double[] base(double theta, int width) {
    double[] inverse = new double[width / 2];
    for (int i = 0; i < inverse.length; i++) {
      inverse[i] = Math.pow(theta, -2.0 * i / width);
    }
    return inverse;
  }

  private static double[] linear(double[] base, RotarySettings settings) {
    double factor = settings.required("factor");
    double[] inverse = base.clone();
    for (int i = 0; i < inverse.length; i++) {
      inverse[i] /= factor;
    }
    return inverse;
  }

  private static double[] llama3(double[] base, RotarySettings settings) {
    double factor = settings.required("factor");
    double low = settings.required("low_freq_factor");
    double high = settings.required("high_freq_factor");
    double original = settings.required("original_max_position_embeddings");
    double[] inverse = base.clone();
    for (int i = 0; i < inverse.length; i++) {
      double wavesInContext = original * base[i] / (2 * Math.PI);
      double unscaled = Math.clamp((wavesInContext - low) / (high - low), 0, 1);
      inverse[i] = unscaled * base[i] + (1 - unscaled) * base[i] / factor;
    }
    return inverse;
  }
}
