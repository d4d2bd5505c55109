package io.moepress.calibrate.forward;

import io.moepress.formats.FormatException;
import java.util.OptionalDouble;
import tools.jackson.databind.JsonNode;

/// Frequencies that depend on how long a sequence is.
///
/// With `d` the rotated width, `θ` the base, `f` the factor, `n` the length of the sequence,
///
/// * `dynamic`: beyond `L = max_position_embeddings` the base grows to `θ · (f · n / L - (f -
///   1))^(d / (d - 2))`.
/// * `longrope`: each frequency has a divisor of its own, from `short_factor`, or beyond `O =
///   original_max_position_embeddings` from `long_factor`. Cosine and sine have the factor
///   `attention_factor`, or else `√(1 + ln f / ln O)`, where `f` is `factor` or
///   `max_position_embeddings / O`.
///
/// Sources: `modeling_rope_utils` of transformers; LongRoPE, arXiv:2402.13753.
sealed interface LengthScaling {

  /// Inverse frequencies for a sequence of `tokens`, `[d/2]`; not copied.
  double[] inverse(int tokens);

  /// The same frequencies for all lengths.
  ///
  /// @param frequencies inverse frequencies
  record Fixed(double[] frequencies) implements LengthScaling {
    @Override
    public double[] inverse(int tokens) {
      return frequencies;
    }
  }

  /// A base that grows with the length.
  ///
  /// @param positions up to where nothing changes
  record Dynamic(double theta, int width, double factor, double positions)
      implements LengthScaling {
    @Override
    public double[] inverse(int tokens) {
      double length = Math.max(tokens, positions);
      double stretched = factor * length / positions - (factor - 1);
      double exponent = width / (width - 2.0);
      return RotaryFrequencies.base(theta * Math.pow(stretched, exponent), width);
    }
  }

  /// One set of frequencies up to a length, and another beyond it.
  ///
  /// @param original up to where the short ones hold
  record TwoLengths(double[] shorter, double[] longer, double original) implements LengthScaling {
    @Override
    public double[] inverse(int tokens) {
      return tokens > original ? longer : shorter;
    }
  }

  /// Reads the settings of `dynamic`.
  ///
  /// @throws FormatException when a number is missing
  static RotaryFrequencies dynamic(RotarySettings settings, int width) {
    double positions =
        settings
            .positions()
            .orElseThrow(() ->
                new FormatException(
                    "config.json: rotary scaling \"dynamic\" needs max_position_embeddings"));
    Dynamic scaling = new Dynamic(settings.theta(), width, settings.required("factor"), positions);
    return new RotaryFrequencies(scaling, 1);
  }

  /// Reads the settings of `longrope`.
  ///
  /// @param base inverse frequencies without scaling, `[d/2]`
  /// @throws FormatException when a number is missing, or there are too many or few
  static RotaryFrequencies longrope(RotarySettings settings, double[] base) {
    for (String key : new String[] {"short_mscale", "long_mscale"}) {
      if (settings.optional(key).isPresent()) {
        throw FormatException.of(
            "config.json: rotary scaling \"longrope\" with %s (expected without)", key);
      }
    }
    double original =
        settings.original().orElseGet(() -> settings.required("original_max_position_embeddings"));
    double[] shorter = divided(base, settings, "short_factor");
    double[] longer = divided(base, settings, "long_factor");
    return new RotaryFrequencies(
        new TwoLengths(shorter, longer, original), magnitude(settings, original));
  }

  private static double magnitude(RotarySettings settings, double original) {
    OptionalDouble stated = settings.optional("attention_factor");
    if (stated.isPresent()) {
      return stated.getAsDouble();
    }
    double positions = settings.positions().orElse(original);
    double factor = settings.optional("factor").orElse(positions / original);
    return factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
  }

  private static double[] divided(double[] base, RotarySettings settings, String key) {
    JsonNode divisors = settings.parameters().path(key);
    if (divisors.size() != base.length || !divisors.valueStream().allMatch(JsonNode::isNumber)) {
      throw FormatException.of(
          "config.json: rotary scaling \"longrope\": %s has %d entries (expected %d numbers)",
          key, divisors.size(), base.length);
    }
    double[] inverse = base.clone();
    for (int i = 0; i < inverse.length; i++) {
      inverse[i] /= divisors.get(i).asDouble();
    }
    return inverse;
  }
}
