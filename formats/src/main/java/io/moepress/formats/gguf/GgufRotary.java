package io.moepress.formats.gguf;

import io.moepress.formats.FormatException;
import io.moepress.formats.Words;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.checkpoint.ModelConfig;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import tools.jackson.databind.JsonNode;

/// The keys of rotary positions, from `rope_parameters` or, as it was before, `rope_scaling`.
final class GgufRotary {
  private static final String DEFAULT_THETA = "10000";

  /// The attention of YaRN is scaled by one and this much of the logarithm of the factor.
  private static final double LOG_SHARE = 0.1;

  private final ModelLayout layout;
  private final String parameters;

  private GgufRotary(ModelLayout layout) {
    this.layout = layout;
    this.parameters =
        layout.config().value("rope_parameters").isPresent() ? "rope_parameters." : "rope_scaling.";
  }

  /// Adds `rope.freq_base` and, where positions are scaled, `rope.scaling.*`.
  ///
  /// @param prefix first part of the keys, with its dot
  /// @throws FormatException for a scaling that llama.cpp does not read from a file
  static void add(Map<String, GgufValue> metadata, String prefix, ModelLayout layout) {
    GgufRotary rotary = new GgufRotary(layout);
    metadata.put(
        prefix + "rope.freq_base",
        GgufValue.number(
            rotary
                .number("rope_theta")
                .orElse(layout.number("config.rope_theta ?? " + DEFAULT_THETA).orElseThrow())));
    rotary.addScaling(metadata, prefix + "rope.scaling.");
  }

  private void addScaling(Map<String, GgufValue> metadata, String prefix) {
    String type = type();
    switch (type) {
      case "default" -> {}
      case "linear" -> {
        metadata.put(prefix + "type", GgufValue.text(type));
        metadata.put(prefix + "factor", GgufValue.number(factor()));
      }
      case "yarn" -> addYarn(metadata, prefix);
      default ->
          throw FormatException.of(
              "config.json: rotary scaling %s (expected default, linear or yarn, which a GGUF can"
                  + " hold). Stay with safetensors.",
              Words.quoted(type));
    }
  }

  private void addYarn(Map<String, GgufValue> metadata, String prefix) {
    if (number("attention_factor").isPresent()) {
      throw FormatException.of(
          "config.json: rotary scaling \"yarn\" with its own attention_factor (expected none:"
              + " llama.cpp derives it from the factor). Stay with safetensors.");
    }
    metadata.put(prefix + "type", GgufValue.text("yarn"));
    metadata.put(prefix + "factor", GgufValue.number(factor()));
    metadata.put(prefix + "original_context_length", GgufValue.count((long) original()));
    number("beta_fast")
        .ifPresent(beta -> metadata.put(prefix + "yarn_beta_fast", GgufValue.number(beta)));
    number("beta_slow")
        .ifPresent(beta -> metadata.put(prefix + "yarn_beta_slow", GgufValue.number(beta)));
    number("mscale_all_dim")
        .ifPresent(scale ->
            metadata.put(prefix + "yarn_log_multiplier", GgufValue.number(LOG_SHARE * scale)));
  }

  /// Whether YaRN blends from one whole dimension to another, as llama.cpp does always.
  static boolean isWhole(ModelLayout layout) {
    GgufRotary rotary = new GgufRotary(layout);
    return !rotary.type().equals("yarn")
        || layout
            .config()
            .value(rotary.parameters + "truncate")
            .map(node -> node.asBoolean(true))
            .orElse(true);
  }

  private double factor() {
    return number("factor").orElseGet(() -> positions() / original());
  }

  private double original() {
    String key = "original_max_position_embeddings";
    return number(key).orElseGet(() -> layout.number("config." + key).orElseGet(this::positions));
  }

  private double positions() {
    return layout.count("config.max_position_embeddings");
  }

  private String type() {
    ModelConfig config = layout.config();
    Optional<JsonNode> type =
        config.value(parameters + "rope_type").or(() -> config.value(parameters + "type"));
    return type.map(node -> node.asString("")).orElse("default");
  }

  private OptionalDouble number(String key) {
    return layout.number("config." + parameters + key);
  }
}
