package io.moepress.recipes;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

/// The version of this program, which every document it writes carries.
public final class ToolVersion {
  private static final String VERSION = load();

  private ToolVersion() {}

  /// Name and version, such as `moepress 0.1.0`.
  public static String text() {
    return "moepress " + VERSION;
  }

  private static String load() {
    try (InputStream stream = ToolVersion.class.getResourceAsStream("version.txt")) {
      if (stream == null) {
        throw new IllegalStateException("missing resource version.txt");
      }
      return new String(stream.readAllBytes(), StandardCharsets.UTF_8).strip();
    } catch (IOException e) {
      throw new IllegalStateException("unreadable resource version.txt", e);
    }
  }
}
