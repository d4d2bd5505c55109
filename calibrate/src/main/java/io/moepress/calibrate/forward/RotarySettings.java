package io.moepress.calibrate.forward;

import io.moepress.formats.FormatException;
import io.moepress.formats.checkpoint.ModelConfig;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// What a config says about rotary positions, in either spelling: `rope_parameters` as transformers
/// 5 writes it, or `rope_theta` beside `rope_scaling` as before, with `rope_type` or `type`.
///
/// @param theta the base
/// @param type kind of scaling
/// @param parameters numbers of the scaling, by key
/// @param positions `max_position_embeddings`, where the config has it
/// @param original `original_max_position_embeddings`, among the parameters or beside them
record RotarySettings(
    double theta,
    String type,
    JsonNode parameters,
    OptionalDouble positions,
    OptionalDouble original) {
  private static final String ORIGINAL = "original_max_position_embeddings";
  private static final double DEFAULT_THETA = 10_000;
  private static final String NONE = "default";

  static RotarySettings of(ModelConfig config) {
    JsonNode parameters =
        config
            .value("rope_parameters")
            .or(() -> config.value("rope_scaling"))
            .orElse(JsonNodeFactory.instance.objectNode());
    double theta =
        number(parameters.get("rope_theta"))
            .orElse(number(config.value("rope_theta").orElse(null)).orElse(DEFAULT_THETA));
    String type = text(parameters, "rope_type", text(parameters, "type", NONE));
    OptionalDouble positions = number(config.value("max_position_embeddings").orElse(null));
    OptionalDouble among = number(parameters.get(ORIGINAL));
    OptionalDouble original =
        among.isPresent() ? among : number(config.value(ORIGINAL).orElse(null));
    return new RotarySettings(theta, type, parameters, positions, original);
  }

  /// A number the scaling cannot do without.
  ///
  /// @throws FormatException when it is not there
  double required(String key) {
    return optional(key)
        .orElseThrow(() ->
            FormatException.of(
                "config.json: rotary scaling \"%s\" needs a number \"%s\"", type, key));
  }

  /// A number; nothing when it is absent or null.
  OptionalDouble optional(String key) {
    return number(parameters.get(key));
  }

  /// Whether a flag is off: there, and false.
  boolean isOff(String key) {
    JsonNode value = parameters.get(key);
    return value != null && value.isBoolean() && !value.asBoolean();
  }

  /// Factor on the scores of latent attention, which make up there for longer contexts.
  double scoreFactor() {
    double mscale = optional("mscale_all_dim").orElse(0);
    if (type.equals(NONE) || mscale == 0) {
      return 1;
    }
    double magnitude = YarnScaling.magnitude(required("factor"), mscale);
    return magnitude * magnitude;
  }

  private static OptionalDouble number(@Nullable JsonNode value) {
    return value != null && value.isNumber()
        ? OptionalDouble.of(value.asDouble())
        : OptionalDouble.empty();
  }

  private static String text(JsonNode parameters, String key, String otherwise) {
    JsonNode value = parameters.get(key);
    return value == null || value.isNull() ? otherwise : value.asString();
  }
}
