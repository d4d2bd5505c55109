package io.moepress.calibrate.forward;

/// YaRN: long waves are stretched by a factor, short ones stay, and those between are blended.
///
/// With `d` the rotated width, `θ` the base, `f` the factor, and `O` the context length before
/// scaling, pair `i` with inverse frequency `base_i` gets
///
/// ```
/// c(r) = d · ln(O / 2πr) / (2 · ln θ)           the pair that turns r times within O
/// low, high = ⌊c(beta_fast)⌋, ⌈c(beta_slow)⌉    not rounded when truncate is false
/// ramp_i = clamp((i - low) / (high - low), 0, 1)
/// inverse_i = ramp_i · base_i / f + (1 - ramp_i) · base_i
/// ```
///
/// Source: Peng et al., arXiv:2309.00071, with the details of transformers' `modeling_rope_utils`.
final class YarnScaling {
  private static final double BETA_FAST = 32;
  private static final double BETA_SLOW = 1;

  /// Keeps the ramp defined where its ends coincide.
  private static final double SMALLEST_RAMP = 0.001;

  private YarnScaling() {}

  /// The scaled frequencies.
  ///
  /// @param base inverse frequencies without scaling, `[d/2]`
  static RotaryFrequencies apply(RotarySettings settings, double[] base) {
    int width = 2 * base.length;
    double original = original(settings);
    double factor = factor(settings, original);
    double fast = nonZero(settings, "beta_fast", BETA_FAST);
    double slow = nonZero(settings, "beta_slow", BETA_SLOW);
    double low = pair(fast, width, original, settings.theta());
    double high = pair(slow, width, original, settings.theta());
    if (!settings.isOff("truncate")) {
      low = Math.floor(low);
      high = Math.ceil(high);
    }
    low = Math.max(low, 0);
    high = Math.min(high, width - 1.0);
    if (low == high) {
      high += SMALLEST_RAMP;
    }
    double[] inverse = new double[base.length];
    for (int i = 0; i < inverse.length; i++) {
      double ramp = Math.clamp((i - low) / (high - low), 0, 1);
      inverse[i] = ramp * base[i] / factor + (1 - ramp) * base[i];
    }
    return new RotaryFrequencies(inverse, magnitude(settings, factor));
  }

  /// How much attention to distant tokens is sharpened: 1 without stretching, `0.1 · mscale · ln f
  /// + 1` with factor `f`.
  static double magnitude(double factor, double mscale) {
    return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
  }

  /// Factor on cosine and sine: `attention_factor`, or what follows from `mscale` and
  /// `mscale_all_dim`, or from the factor alone.
  private static double magnitude(RotarySettings settings, double factor) {
    double mscale = settings.optional("mscale").orElse(0);
    double mscaleAll = settings.optional("mscale_all_dim").orElse(0);
    double derived =
        mscale != 0 && mscaleAll != 0
            ? magnitude(factor, mscale) / magnitude(factor, mscaleAll)
            : magnitude(factor, 1);
    return settings.optional("attention_factor").orElse(derived);
  }

  private static double original(RotarySettings settings) {
    double stated = nonZero(settings, "original_max_position_embeddings", 0);
    return stated != 0 ? stated : settings.positions().orElseGet(() -> required(settings));
  }

  private static double required(RotarySettings settings) {
    return settings.required("original_max_position_embeddings");
  }

  private static double factor(RotarySettings settings, double original) {
    double stated = nonZero(settings, "factor", 0);
    if (stated != 0) {
      return stated;
    }
    return settings.positions().orElseGet(() -> settings.required("factor")) / original;
  }

  private static double nonZero(RotarySettings settings, String key, double otherwise) {
    double value = settings.optional(key).orElse(0);
    return value == 0 ? otherwise : value;
  }

  /// Index of the pair that turns `turns` times within the original context.
  private static double pair(double turns, int width, double original, double theta) {
    return width * Math.log(original / (turns * 2 * Math.PI)) / (2 * Math.log(theta));
  }
}
