package io.moepress.recipes.apply;

import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.json.Json;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.stream.Stream;

/// The digests of all files of a checkpoint, as `sha256sum -c` reads them: `SHA256SUMS` in its
/// directory.
final class Checksums {
  /// Its name in a checkpoint directory.
  static final String FILE = "SHA256SUMS";

  private static final String PREFIX = "sha256:";
  private static final String GAP = "  ";

  private Checksums() {}

  /// Writes the digests of everything in a directory, notes about unfinished work aside.
  static void write(Path directory, Workers workers) throws IOException {
    List<String> names;
    try (Stream<Path> files = Files.walk(directory)) {
      names =
          files
              .filter(Files::isRegularFile)
              .map(file -> directory.relativize(file).toString().replace('\\', '/'))
              .filter(name -> !name.equals(FILE) && !name.startsWith(FinishedShards.FOLDER + "/"))
              .sorted()
              .toList();
    }
    SortedMap<String, String> digests = new ConcurrentSkipListMap<>();
    workers.forEach(
        names.size(),
        index -> {
          String name = names.get(index);
          digests.put(name, digest(directory.resolve(name)));
        });
    write(directory, digests);
  }

  /// The digests that a directory notes, by file; none where there is no such note.
  static SortedMap<String, String> read(Path directory) throws IOException {
    SortedMap<String, String> digests = new TreeMap<>();
    Path file = directory.resolve(FILE);
    if (Files.isRegularFile(file)) {
      for (String line : Json.text(file).split("\n", -1)) {
        int gap = line.indexOf(GAP);
        if (gap > 0) {
          digests.put(line.substring(gap + GAP.length()), line.substring(0, gap));
        }
      }
    }
    return digests;
  }

  /// Writes digests. The file changes all at once.
  static void write(Path directory, SortedMap<String, String> digests) throws IOException {
    StringBuilder text = new StringBuilder();
    digests.forEach((name, digest) -> text.append(digest).append(GAP).append(name).append('\n'));
    replace(directory.resolve(FILE), text.toString());
  }

  /// Writes a file, which appears, or changes, all at once.
  static void replace(Path file, String text) throws IOException {
    Path stage = file.resolveSibling(file.getFileName() + ".partial");
    Files.writeString(stage, text);
    Files.move(stage, file, StandardCopyOption.ATOMIC_MOVE);
  }

  /// The digest of a file in lower-case hexadecimal digits.
  static String digest(Path file) throws IOException {
    return Fingerprint.ofFile(file).substring(PREFIX.length());
  }

  static String digest(String text) {
    return Fingerprint.ofText(text).substring(PREFIX.length());
  }
}
