package io.moepress.cli;

import io.moepress.recipes.ToolVersion;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine.IVersionProvider;

/// Says the versions of the program, of the Java that runs it, and of the libtorch it computes
/// with. The last is what it was built with; libtorch is not loaded for it.
final class Versions implements IVersionProvider {
  /// For picocli.
  Versions() {}

  @Override
  public String[] getVersion() {
    String java = "Java " + Runtime.version() + " (" + System.getProperty("java.vendor") + ")";
    return new String[] {ToolVersion.text(), java, "libtorch " + libtorch()};
  }

  private static String libtorch() {
    try (InputStream stream = Versions.class.getResourceAsStream("libtorch.txt")) {
      if (stream == null) {
        throw new IllegalStateException("missing resource libtorch.txt");
      }
      return new String(stream.readAllBytes(), StandardCharsets.UTF_8).strip();
    } catch (IOException e) {
      throw new IllegalStateException("unreadable resource libtorch.txt", e);
    }
  }
}
