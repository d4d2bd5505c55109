package io.moepress.formats.lowprecision;

import io.moepress.formats.FormatException;
import io.moepress.formats.Words;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.integer.GptqLayout;
import io.moepress.formats.integer.GptqLayout.Version;
import io.moepress.formats.integer.IntegerScheme;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/// Reads what `quantization_config` in `config.json` says of the tensors.
public final class SourceScheme {
  /// The key in `config.json`.
  public static final String KEY = "quantization_config";

  private static final String WAY_OUT =
      "moepress reads \"fp8\" in blocks of E4M3 with dynamic activations, \"mxfp4\","
          + " \"compressed-tensors\" with integer weights in the format \"pack-quantized\", and"
          + " \"gptq\" in the formats \"gptq\" and \"gptq_v2\". Use the BF16 or F16 original.";

  private static final List<String> FORMATS = List.of("pack-quantized", "mixed-precision");

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
      case "compressed-tensors" -> packed(scheme);
      case "gptq" -> gptq(scheme);
      default -> throw refused("quant_method", Words.quoted(method));
    };
  }

  private static GptqTensors gptq(JsonNode scheme) {
    String format = scheme.path("checkpoint_format").asString(Version.V1.label());
    Version version =
        Arrays.stream(Version.values())
            .filter(each -> each.label().equals(format))
            .findFirst()
            .orElseThrow(() -> refused("checkpoint_format", Words.quoted(format)));
    requireText(scheme, "pack_dtype", List.of("int32"));
    IntegerScheme common = gptqScheme(scheme, new IntegerScheme(4, true, 128));
    List<GptqTensors.Exemption> exceptions = new ArrayList<>();
    for (Map.Entry<String, JsonNode> entry : scheme.path("dynamic").properties()) {
      String pattern = entry.getKey();
      boolean signed = pattern.startsWith("+:") || pattern.startsWith("-:");
      exceptions.add(
          new GptqTensors.Exemption(
              LayerNames.pattern(signed ? pattern.substring(2) : pattern),
              pattern.startsWith("-:")
                  ? Optional.empty()
                  : Optional.of(gptqScheme(entry.getValue(), common))));
    }
    if (!scheme.path("lm_head").asBoolean(false)) {
      exceptions.add(new GptqTensors.Exemption(LayerNames.pattern("lm_head$"), Optional.empty()));
    }
    List<String> listed = new ArrayList<>();
    scheme
        .path("modules_in_block_to_quantize")
        .valueStream()
        .flatMap(JsonNode::valueStream)
        .forEach(name -> listed.add(name.asString("")));
    return new GptqTensors(
        new GptqLayout(version),
        common,
        scheme.path("desc_act").asBoolean(false),
        exceptions,
        listed);
  }

  private static IntegerScheme gptqScheme(JsonNode scheme, IntegerScheme common) {
    int bits = scheme.path("bits").asInt(common.bits());
    if (!GptqLayout.WIDTHS.contains(bits)) {
      throw refused("bits", Words.shown(scheme.path("bits").toString()));
    }
    int size =
        scheme
            .path("group_size")
            .asInt(common.groupSize() == IntegerScheme.CHANNEL ? -1 : common.groupSize());
    if (size < -1 || size == 0) {
      throw refused("group_size", Words.shown(scheme.path("group_size").toString()));
    }
    return new IntegerScheme(
        bits,
        scheme.path("sym").asBoolean(common.isSymmetric()),
        size == -1 ? IntegerScheme.CHANNEL : size);
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

  private static CompressedTensors packed(JsonNode scheme) {
    List<CompressedTensors.Group> groups = new ArrayList<>();
    for (JsonNode group : scheme.path("config_groups").values()) {
      requireText(group, "format", FORMATS);
      requireNull(group, "input_activations");
      groups.add(
          new CompressedTensors.Group(
              names(group.path("targets")), integers(group.path("weights"))));
    }
    requireText(scheme, "format", FORMATS);
    if (!scheme.path("transform_config").isEmpty()) {
      throw refused("transform_config", "there: weights are rotated"); // and activations would be
    }
    if (groups.isEmpty()) {
      throw refused("config_groups", "empty");
    }
    return new CompressedTensors(groups, names(scheme.path("ignore")));
  }

  private static LayerNames names(JsonNode list) {
    return LayerNames.of(list.valueStream().map(name -> name.asString("")).toList());
  }

  private static IntegerScheme integers(JsonNode weights) {
    requireText(weights, "type", List.of("int"));
    int bits = weights.path("num_bits").asInt(0);
    if (bits < 1 || bits > 8) {
      throw refused("num_bits", Words.shown(weights.path("num_bits").toString()));
    }
    boolean symmetric = weights.path("symmetric").asBoolean(true);
    int size = weights.path("group_size").asInt(0);
    String strategy = weights.path("strategy").asString(size > 0 ? "group" : "channel");
    return switch (strategy) {
      case "channel" -> new IntegerScheme(bits, symmetric, IntegerScheme.CHANNEL);
      case "group" -> {
        if (size < 1) {
          throw refused("group_size", Words.shown(weights.path("group_size").toString()));
        }
        yield new IntegerScheme(bits, symmetric, size);
      }
      default -> throw refused("strategy", Words.quoted(strategy));
    };
  }

  private static void requireNull(JsonNode object, String key) {
    JsonNode value = object.path(key);
    if (!value.isMissingNode() && !value.isNull()) {
      throw refused(key, Words.shown(value.toString()));
    }
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
