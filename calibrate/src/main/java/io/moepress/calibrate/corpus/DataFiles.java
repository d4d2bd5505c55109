package io.moepress.calibrate.corpus;

import io.moepress.formats.Checks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;

/// The files that a source of data names, by the end of their names: `.jsonl` and `.json` hold a
/// sample on each line, `.txt` and `.md` one text.
///
/// A directory stands for all files of these kinds in it and in the directories below it, in the
/// order of their paths; others are left out, hidden ones and links to directories too.
public final class DataFiles {
  private static final Set<String> LINES = Set.of("jsonl", "json");
  private static final Set<String> TEXT = Set.of("txt", "md");
  private static final String EXPECTED =
      "expected .jsonl or .json with a sample on each line, or .txt or .md with one text";

  private DataFiles() {}

  /// The files of a source; at least one.
  ///
  /// @throws io.moepress.formats.FormatException when there is none, or one of another kind
  static List<Path> of(Path source) throws IOException {
    if (!Files.isDirectory(source)) {
      Checks.requireFormat(Files.isRegularFile(source), "%s: no such file", source);
      Checks.requireFormat(isKnown(source), "%s: unknown kind of file (%s)", source, EXPECTED);
      return List.of(source);
    }
    try (Stream<Path> walk = Files.walk(source)) {
      List<Path> files =
          walk.filter(Files::isRegularFile)
              .filter(DataFiles::isKnown)
              .filter(file -> !isHidden(source.relativize(file)))
              .sorted()
              .toList();
      Checks.requireFormat(!files.isEmpty(), "%s: no file of texts in it (%s)", source, EXPECTED);
      return files;
    }
  }

  /// Makes sure that all files of a source can be read.
  ///
  /// @throws io.moepress.formats.FormatException when one cannot
  public static void check(Path source) throws IOException {
    for (Path file : of(source)) {
      if (isText(file)) {
        SampleFile.text(file);
      } else {
        SampleFile.read(file);
      }
    }
  }

  /// Whether a file is one text, and not a sample on each line.
  static boolean isText(Path file) {
    return TEXT.contains(extension(file));
  }

  private static boolean isKnown(Path file) {
    return isText(file) || LINES.contains(extension(file));
  }

  private static boolean isHidden(Path file) {
    for (Path part : file) {
      if (part.toString().startsWith(".")) {
        return true;
      }
    }
    return false;
  }

  private static String extension(Path file) {
    String name = String.valueOf(file.getFileName());
    return name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
  }
}
