package io.moepress.calibrate.forward;

import io.moepress.formats.FormatException;
import io.moepress.formats.checkpoint.ModelConfig;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// The inverse frequencies of a rotary embedding, with the scaling that a config asks for.
///
/// With `d` the rotated width, `θ` the base and `f` the factor, `base_i = θ^(-2i/d)`, and
///
/// | type      | inverse frequency                                              | magnitude |
/// |-----------|----------------------------------------------------------------|-----------|
/// | `default` | `base_i`                                                       | 1         |
/// | `linear`  | `base_i / f`                                                   | 1         |
/// | `llama3`  | long waves `base_i / f`, short ones `base_i`, between: blended | 1         |
///
/// Both spellings are read: `rope_parameters` as transformers 5 writes it, and `rope_theta` with
/// `rope_scaling` as before.
///
/// @param inverse one for each pair of elements, `[d/2]`; not copied
/// @param magnitude factor on cosine and sine
record RotaryFrequencies(double[] inverse, double magnitude) {

  /// Reads the settings of a config.
  ///
  /// @param width number of rotated elements of a head, `d`
  static RotaryFrequencies of(ModelConfig config, int width) {
    JsonNode parameters =
        config
            .value("rope_parameters")
            .or(() -> config.value("rope_scaling"))
            .orElse(JsonNodeFactory.instance.objectNode());
    double theta =
        parameters.has("rope_theta")
            ? parameters.get("rope_theta").asDouble()
            : config.value("rope_theta").map(JsonNode::asDouble).orElse(10_000.0);
    String type = text(parameters, "rope_type", text(parameters, "type", "default"));
    double[] base = base(theta, width);
    return switch (type) {
      case "default" -> new RotaryFrequencies(base, 1);
      case "linear" -> new RotaryFrequencies(linear(base, parameters), 1);
      case "llama3" -> new RotaryFrequencies(llama3(base, parameters), 1);
      default ->
          throw FormatException.of(
              "config.json: rope_type \"%s\" (expected default, linear or llama3)", type);
    };
  }

  private static double[] base(double theta, int width) {
    double[] inverse = new double[width / 2];
    for (int i = 0; i < inverse.length; i++) {
      inverse[i] = Math.pow(theta, -2.0 * i / width);
    }
    return inverse;
  }

  private static double[] linear(double[] base, JsonNode parameters) {
    double factor = number(parameters, "factor");
    double[] inverse = base.clone();
    for (int i = 0; i < inverse.length; i++) {
      inverse[i] /= factor;
    }
    return inverse;
  }

  private static double[] llama3(double[] base, JsonNode parameters) {
    double factor = number(parameters, "factor");
    double low = number(parameters, "low_freq_factor");
    double high = number(parameters, "high_freq_factor");
    double original = number(parameters, "original_max_position_embeddings");
    double[] inverse = base.clone();
    for (int i = 0; i < inverse.length; i++) {
      double wavesInContext = original * base[i] / (2 * Math.PI);
      double unscaled = Math.clamp((wavesInContext - low) / (high - low), 0, 1);
      inverse[i] = unscaled * base[i] + (1 - unscaled) * base[i] / factor;
    }
    return inverse;
  }

  private static double number(JsonNode parameters, String key) {
    JsonNode value = parameters.get(key);
    if (value == null || !value.isNumber()) {
      throw FormatException.of("config.json: rotary scaling needs a number \"%s\"", key);
    }
    return value.asDouble();
  }

  private static String text(JsonNode parameters, String key, String otherwise) {
    JsonNode value = parameters.get(key);
    return value == null || value.isNull() ? otherwise : value.asString();
  }
}
