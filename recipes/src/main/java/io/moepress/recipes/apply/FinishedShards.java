package io.moepress.recipes.apply;

import io.moepress.formats.FormatException;
import io.moepress.formats.checkpoint.Directories;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.json.Json;
import io.moepress.formats.safetensors.SafetensorsFile;
import io.moepress.formats.safetensors.SafetensorsHeader.Entry;
import io.moepress.recipes.ToolVersion;
import io.moepress.recipes.lowering.OutputTensor;
import io.moepress.recipes.work.Workers;
import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.concurrent.ConcurrentHashMap;

/// What is finished of an output directory that is not complete: a note for each file of weights,
/// in a folder of its own, which goes before the directory appears.
///
/// A file counts as finished when its note says that it was made from the same source by the same
/// programs, and every tensor in it still has the digest it was written with.
///
/// @param stage the incomplete directory
/// @param source fingerprint of the source
/// @param workers a pool
record FinishedShards(Path stage, String source, Workers workers) implements Closeable {
  static final String FOLDER = "finished";

  /// A finished file.
  ///
  /// @param made digest of everything its bytes depend on
  /// @param tensors what became of what
  record Note(String made, SortedMap<String, Manifest.Tensor> tensors) {}

  /// Notes that a file is finished.
  void note(String file, List<OutputTensor> tensors, SortedMap<String, Manifest.Tensor> written)
      throws IOException {
    Files.createDirectories(folder());
    Json.write(noteOf(file), new Note(made(tensors), written));
  }

  /// What is in a file that is finished already; nothing when it has to be written.
  Optional<SortedMap<String, Manifest.Tensor>> find(String file, List<OutputTensor> tensors)
      throws IOException {
    if (!Files.isRegularFile(noteOf(file)) || !Files.isRegularFile(stage.resolve(file))) {
      return Optional.empty();
    }
    try {
      Note note = Json.read(noteOf(file), Note.class);
      boolean same = note.made().equals(made(tensors)) && isAsNoted(stage.resolve(file), note);
      return same ? Optional.of(note.tensors()) : Optional.empty();
    } catch (FormatException e) {
      return Optional.empty(); // a note or a file that a crash of the machine cut short
    }
  }

  private boolean isAsNoted(Path file, Note note) throws IOException {
    try (SafetensorsFile written = SafetensorsFile.open(file)) {
      List<Entry> entries = written.header().entries();
      Set<String> sound = ConcurrentHashMap.newKeySet();
      workers.forEach(
          entries.size(),
          index -> {
            String name = entries.get(index).info().name();
            Manifest.Tensor expected = note.tensors().get(name);
            try (Arena arena = Arena.ofConfined()) {
              String found = Applier.digest(written.read(name, arena).bytes());
              if (expected != null && expected.sha256().equals(found)) {
                sound.add(name);
              }
            }
          });
      return sound.equals(note.tensors().keySet());
    }
  }

  /// Everything the bytes of a file depend on.
  private String made(List<OutputTensor> tensors) {
    MessageDigest digest = Fingerprint.sha256();
    digest.update(bytes(ToolVersion.text() + "\n" + source + "\n"));
    for (OutputTensor tensor : tensors) {
      digest.update(bytes(tensor + "\n"));
    }
    return Fingerprint.format(digest);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /// Removes every file that is not one of `files`, and the notes of those.
  ///
  /// @return how many files of weights were removed
  int keepOnly(Set<String> files) throws IOException {
    Set<String> notes = new HashSet<>();
    files.forEach(file -> notes.add(file + ".json"));
    if (Files.isDirectory(folder())) {
      deleteOthers(folder(), notes);
    }
    Set<String> kept = new HashSet<>(files);
    kept.add(FOLDER);
    return deleteOthers(stage, kept);
  }

  private static int deleteOthers(Path folder, Set<String> kept) throws IOException {
    int weights = 0;
    try (DirectoryStream<Path> children = Files.newDirectoryStream(folder)) {
      for (Path child : children) {
        String name = String.valueOf(child.getFileName());
        if (!kept.contains(name)) {
          Directories.delete(child);
          weights += name.endsWith(".safetensors") ? 1 : 0;
        }
      }
    }
    return weights;
  }

  /// Removes all notes: the directory is complete.
  void complete() throws IOException {
    Directories.delete(folder());
  }

  /// After a failure only what is finished stays.
  @Override
  public void close() throws IOException {
    if (Files.isDirectory(stage) && !Files.isDirectory(folder())) {
      deleteOthers(stage, Set.of());
    }
  }

  private Path folder() {
    return stage.resolve(FOLDER);
  }

  private Path noteOf(String file) {
    return folder().resolve(file + ".json");
  }
}
