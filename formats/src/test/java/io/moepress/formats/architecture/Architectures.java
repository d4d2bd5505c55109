package io.moepress.formats.architecture;

import io.moepress.formats.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import tools.jackson.databind.node.ObjectNode;

/// Shipped architecture files, to be spoilt by a test.
final class Architectures {
  private Architectures() {}

  /// The tree of a shipped file, the caller's to change.
  static ObjectNode tree(String file) throws IOException {
    try (InputStream stream =
        Objects.requireNonNull(Architecture.class.getResourceAsStream(file + ".json"))) {
      return Json.object(new String(stream.readAllBytes(), StandardCharsets.UTF_8), file);
    }
  }

  static Architecture bind(ObjectNode tree) {
    return Json.bind(tree, Architecture.class, "mine.json");
  }
}
