package io.moepress.cli;

import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/// The documents of the repository, as far as tests look at them: blocks of code, and what stands
/// around them.
final class Documents {
  static final Path ROOT = TestData.path("..").normalize();

  private static final String FENCE = "```";

  private Documents() {}

  /// A block of code.
  ///
  /// @param document path from the root of the repository
  /// @param line where it begins, from 1
  /// @param language what stands behind the fence; empty for what a terminal shows
  /// @param lines without the fences
  record Block(String document, int line, String language, List<String> lines) {
    /// The text, with a line end behind each line.
    String text() {
      return String.join("\n", lines) + "\n";
    }

    /// For a message.
    String where() {
      return document + ":" + line;
    }
  }

  /// A line that is in no block.
  record Line(String document, int number, String text) {
    String where() {
      return document + ":" + number;
    }
  }

  /// Paths from the root of the repository.
  static List<String> all() throws IOException {
    List<String> documents =
        new ArrayList<>(
            List.of(
                "README.md",
                "ARCHITECTURE.md",
                "CONTRIBUTING.md",
                "CHANGELOG.md",
                "testdata/README.md"));
    try (Stream<Path> files = Files.list(ROOT.resolve("docs"))) {
      files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith(".md"))
          .sorted()
          .forEach(name -> documents.add("docs/" + name));
    }
    return documents;
  }

  /// All blocks of a document.
  static List<Block> blocks(String document) throws IOException {
    List<Block> blocks = new ArrayList<>();
    List<String> inside = null;
    int start = 0;
    String language = "";
    List<String> lines = Files.readAllLines(ROOT.resolve(document));
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i);
      if (inside == null && line.startsWith(FENCE)) {
        inside = new ArrayList<>();
        language = line.substring(FENCE.length()).strip();
        start = i + 1;
      } else if (inside != null && line.equals(FENCE)) {
        blocks.add(new Block(document, start, language, List.copyOf(inside)));
        inside = null;
      } else if (inside != null) {
        inside.add(line);
      }
    }
    if (inside != null) {
      throw new IllegalStateException(document + ":" + start + ": a block that does not end");
    }
    return blocks;
  }

  /// All lines of a document that are in no block.
  static List<Line> prose(String document) throws IOException {
    List<Line> prose = new ArrayList<>();
    boolean inside = false;
    List<String> lines = Files.readAllLines(ROOT.resolve(document));
    for (int i = 0; i < lines.size(); i++) {
      boolean fence = lines.get(i).startsWith(FENCE);
      if (!inside && !fence) {
        prose.add(new Line(document, i + 1, lines.get(i)));
      }
      inside = inside != fence;
    }
    return prose;
  }
}
