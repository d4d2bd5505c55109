package io.moepress.formats.lowprecision;

import io.moepress.formats.FormatException;
import io.moepress.formats.Words;
import io.moepress.formats.checkpoint.ModelConfig;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/// Reads what `quantization_config` in `config.json` says of the tensors.
public final class SourceScheme {
  /// The key in `config.json`.
  public static final String KEY = "quantization_config";

  private static final String WAY_OUT =
      "moepress reads \"fp8\" in blocks of E4M3 with dynamic activations, and \"mxfp4\". Use the"
          + " BF16 or F16 original.";

  private SourceScheme() {}

  /// How the tensors are stored that are in low precision; empty when none is.
  ///
  /// @throws FormatException for a scheme that cannot be read
  public static Optional<TensorCodec> of(ModelConfig config) {
    return config.value(KEY).map(SourceScheme::codec);
  }

  private static TensorCodec codec(JsonNode scheme) {
    String method = scheme.path("quant_method").asString("");
    return switch (method) {
      case "fp8" -> blockFp8(scheme);
      case "mxfp4" -> new Mxfp4();
      default -> throw refused("quant_method", Words.quoted(method));
    };
  }

  private static BlockFp8 blockFp8(JsonNode scheme) {
    requireText(scheme, "fmt", List.of("e4m3", "float8_e4m3fn"));
    requireText(scheme, "activation_scheme", List.of("dynamic"));
    JsonNode size = scheme.path("weight_block_size");
    List<Integer> sides = size.valueStream().filter(JsonNode::isInt).map(JsonNode::asInt).toList();
    if (size.size() != 2 || sides.size() != 2 || sides.stream().anyMatch(side -> side < 1)) {
      throw refused(
          "weight_block_size", size.isMissingNode() ? "missing" : Words.shown(size.toString()));
    }
    return new BlockFp8(sides.getFirst(), sides.getLast());
  }

  private static void requireText(JsonNode scheme, String key, List<String> expected) {
    String found = scheme.path(key).asString(expected.getFirst());
    if (!expected.contains(found)) {
      throw refused(key, Words.quoted(found));
    }
  }

  private static FormatException refused(String key, String found) {
    return FormatException.of(
        "config.json: %s: %s is %s, which cannot be read. %s", KEY, key, found, WAY_OUT);
  }
}
