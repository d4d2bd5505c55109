package io.moepress.formats.checkpoint;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.Words;
import io.moepress.formats.json.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;

/// The `model.safetensors.index.json` of a sharded checkpoint: which file holds which tensor.
///
/// `total_size` is written right and never trusted.
///
/// @param files file name by tensor name; plain names, without any path
/// @param totalSize sum of all tensor bytes
/// @param totalParameters sum of all elements
public record ShardIndex(SortedMap<String, String> files, long totalSize, long totalParameters) {

  /// Name of the index in a checkpoint directory.
  public static final String FILE = "model.safetensors.index.json";

  private static final int LONGEST_NAME = 255;

  public ShardIndex {
    files = Collections.unmodifiableSortedMap(new TreeMap<>(files));
  }

  /// Reads an index.
  ///
  /// @return file name by tensor name
  /// @throws FormatException when a file name could lead out of the directory
  static SortedMap<String, String> readFiles(Path index) throws IOException {
    JsonNode map = Json.object(index).get("weight_map");
    Checks.requireFormat(
        map != null && map.isObject() && !map.isEmpty(), "%s: no weight_map with tensors", FILE);
    SortedMap<String, String> files = new TreeMap<>();
    for (Map.Entry<String, JsonNode> entry : map.properties()) {
      files.put(entry.getKey(), plainName(entry.getKey(), entry.getValue()));
    }
    return files;
  }

  private static String plainName(String tensor, JsonNode value) {
    String file = value.isString() ? value.asString() : "";
    if (!isPlainName(file)) {
      throw FormatException.of(
          "%s: tensor %s: file name %s (expected the plain name of a .safetensors file in the same"
              + " directory)",
          FILE, Words.shown(tensor), Words.shown(value.toString()));
    }
    return file;
  }

  private static boolean isPlainName(String file) {
    return file.endsWith(".safetensors")
        && file.length() <= LONGEST_NAME
        && file.equals(Words.printable(file))
        && file.chars().noneMatch(c -> "/\\:*?<>|\"".indexOf(c) >= 0);
  }

  /// The JSON text of this index.
  public String json() {
    Map<String, Object> metadata = new LinkedHashMap<>();
    metadata.put("total_parameters", totalParameters);
    metadata.put("total_size", totalSize);
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("metadata", metadata);
    tree.put("weight_map", files);
    return Json.pretty(tree);
  }
}
