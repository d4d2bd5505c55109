package io.moepress.recipes.gguf;

import io.moepress.formats.FormatException;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.json.Json;
import io.moepress.recipes.ToolVersion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Notes what is finished of a GGUF file that is not complete, beside it in `<partial>.json`.
///
/// The file's own head says names, types and sizes. What its bytes depend on besides, the source
/// and the version of the program, is in the note.
final class FinishedTensors {
  private final Path partial;
  private final @Nullable String made;

  /// @param source names the source; null: nothing is noted
  FinishedTensors(Path partial, @Nullable String source) {
    this.partial = partial;
    this.made = source == null ? null : Fingerprint.ofText(ToolVersion.text() + " " + source);
  }

  /// A note.
  ///
  /// @param made digest of what the bytes depend on
  /// @param checksums of the first tensors, in order
  record Note(String made, List<Long> checksums) {}

  private Path path() {
    return partial.resolveSibling(partial.getFileName() + ".json");
  }

  /// The checksums that an earlier run noted of the same file; none when it was another one.
  List<Long> read() throws IOException {
    if (made == null || !isNoted() || !Files.isRegularFile(partial)) {
      return List.of();
    }
    try {
      Note note = Json.read(path(), Note.class);
      return note.made().equals(made) ? note.checksums() : List.of();
    } catch (FormatException e) {
      return List.of(); // a note that a crash of the machine cut short
    }
  }

  void note(List<Long> checksums) throws IOException {
    if (made != null) {
      Json.write(path(), new Note(made, checksums));
    }
  }

  /// Whether there is something to go on with.
  boolean isNoted() {
    return made != null && Files.isRegularFile(path());
  }

  /// Forgets it all: the file is complete, or can never be.
  void clear() throws IOException {
    Files.deleteIfExists(path());
  }
}
