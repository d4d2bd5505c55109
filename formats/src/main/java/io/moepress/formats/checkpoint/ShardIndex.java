package io.moepress.formats.checkpoint;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.Words;
import io.moepress.formats.json.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
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

  /// Takes what an index says.
  @FunctionalInterface
  interface Listing {
    /// Takes an entry.
    ///
    /// @param file a plain name, without any path; the same text for all tensors of a file
    void take(String tensor, String file) throws IOException;
  }

  /// Reads an index, entry by entry and in its order.
  ///
  /// @throws FormatException when a file name could lead out of the directory
  static void read(Path index, Listing listing) throws IOException {
    Map<String, String> names = new HashMap<>();
    Json.stream(
        index,
        parser -> {
          boolean isRead = false;
          while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            boolean isMap = parser.currentName().equals("weight_map");
            Checks.requireFormat(!isMap || !isRead, "%s: two weight_maps", FILE);
            isRead |= isMap;
            if (parser.nextToken() != JsonToken.START_OBJECT || !isMap) {
              parser.skipChildren();
              continue;
            }
            readMap(parser, names, listing);
          }
        });
    Checks.requireFormat(!names.isEmpty(), "%s: no weight_map with tensors", FILE);
  }

  /// @param names gets each file name once
  private static void readMap(JsonParser parser, Map<String, String> names, Listing listing)
      throws IOException {
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      String tensor = parser.currentName();
      parser.nextToken();
      String file = plainName(tensor, parser);
      listing.take(tensor, names.computeIfAbsent(file, name -> name));
    }
  }

  private static String plainName(String tensor, JsonParser parser) {
    boolean isText = parser.currentToken() == JsonToken.VALUE_STRING;
    String file = isText ? parser.getString() : "";
    if (!isPlainName(file)) {
      JsonNode found = parser.readValueAsTree();
      throw FormatException.of(
          "%s: tensor %s: file name %s (expected the plain name of a .safetensors file in the same"
              + " directory)",
          FILE, Words.shown(tensor), Words.shown(found.toString()));
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
