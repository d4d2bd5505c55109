package io.moepress.formats.architecture;

import io.moepress.formats.FormatException;
import io.moepress.formats.Words;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.checkpoint.ModelConfig.Supplied;
import io.moepress.formats.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// The architectures that come with the program.
public final class ArchitectureCatalog {
  private static final List<String> FILES =
      List.of(
          "deepseek_v2", "deepseek_v3", "gpt_oss", "mixtral", "olmoe", "qwen2_moe", "qwen3_moe");

  private ArchitectureCatalog() {}

  /// Every architecture by `model_type`.
  public static Map<String, Architecture> all() {
    Map<String, Architecture> architectures = new TreeMap<>();
    for (String file : FILES) {
      Architecture architecture = load(file + ".json");
      architecture.modelTypes().forEach(type -> architectures.put(type, architecture));
    }
    return architectures;
  }

  /// The architecture of a configuration: the file that the user gave, or one that comes with the
  /// program.
  ///
  /// @throws FormatException when the file is malformed or for other models, or there is none
  public static Architecture of(ModelConfig config) {
    return config
        .architecture()
        .map(supplied -> supplied(supplied, config.modelType()))
        .orElseGet(() -> named(config.modelType()));
  }

  private static Architecture supplied(Supplied supplied, String modelType) {
    Architecture architecture = Json.bind(supplied.tree(), Architecture.class, supplied.where());
    if (!architecture.modelTypes().contains(modelType)) {
      throw FormatException.of(
          "%s: modelTypes %s (expected %s, the model_type in config.json)",
          supplied.where(), architecture.modelTypes(), Words.shown(modelType));
    }
    return architecture;
  }

  /// The architecture of a `model_type`.
  ///
  /// @throws FormatException when there is none; the message says which file to write
  public static Architecture named(String modelType) {
    Map<String, Architecture> architectures = all();
    Architecture architecture = architectures.get(modelType);
    if (architecture == null) {
      throw FormatException.of(
          "config.json: unknown architecture: model_type %s (expected one of %s). To teach it to"
              + " moepress, write %s.json and give it with --architecture; moepress inspect MODEL"
              + " --draft-architecture -o %s.json begins it.",
          Words.shown(modelType),
          String.join(", ", architectures.keySet()),
          Words.shown(modelType),
          Words.shown(modelType));
    }
    return architecture;
  }

  private static Architecture load(String file) {
    try (InputStream stream = ArchitectureCatalog.class.getResourceAsStream(file)) {
      if (stream == null) {
        throw new IllegalStateException("missing resource " + file);
      }
      String text = new String(stream.readAllBytes(), StandardCharsets.UTF_8);
      return Json.bind(Json.object(text, file), Architecture.class, file);
    } catch (IOException e) {
      throw new IllegalStateException("unreadable resource " + file, e);
    }
  }
}
