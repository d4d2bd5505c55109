package io.moepress.formats.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;

/// The files of a checkpoint that are not weights: tokenizer, templates, generation settings,
/// licences, remote code (copied as text, never run).
///
/// Weights in any container, indexes and caches are left out, and so are folders, except the one
/// for additional chat templates: hub folders keep second copies of the weights in theirs.
final class SideFiles {
  private static final Set<String> WEIGHTS =
      Set.of(
          ".safetensors",
          ".bin",
          ".pt",
          ".pth",
          ".ckpt",
          ".gguf",
          ".h5",
          ".msgpack",
          ".onnx",
          ".npz",
          ".index.json");
  private static final String TEMPLATES = "additional_chat_templates";

  private SideFiles() {}

  /// Paths relative to `directory`, sorted; `config.json` is not among them.
  ///
  /// @throws io.moepress.formats.FormatException when one is a symbolic link out of the checkpoint,
  ///   which a copy would carry along
  static List<Path> list(Path directory) throws IOException {
    List<Path> files = new ArrayList<>(regularFiles(directory, directory));
    Path templates = directory.resolve(TEMPLATES);
    if (Files.isDirectory(templates)) {
      files.addAll(regularFiles(directory, templates));
    }
    for (Path file : files) {
      Links.requireInside(directory, directory.resolve(file));
    }
    files.sort(Comparator.comparing(Path::toString));
    return files;
  }

  private static List<Path> regularFiles(Path directory, Path folder) throws IOException {
    try (Stream<Path> children = Files.list(folder)) {
      return children
          .filter(Files::isRegularFile)
          .map(directory::relativize)
          .filter(file -> isSideFile(String.valueOf(file.getFileName())))
          .toList();
    }
  }

  private static boolean isSideFile(String fileName) {
    String name = fileName.toLowerCase(Locale.ROOT);
    return !name.equals(CheckpointDirectory.CONFIG)
        && !name.startsWith(".")
        && WEIGHTS.stream().noneMatch(name::endsWith);
  }
}
