package io.moepress.cli;

import io.moepress.formats.json.Json;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Runs command lines in the current directory, many in one process: what a reader does who copies
/// them from the documents, but for the start of Java.
final class DocumentedCommands {
  /// A block of a document.
  ///
  /// @param where where it stands
  /// @param without what is not there when it begins, since its own commands make it
  /// @param lines what is typed, word by word
  record Scene(String where, List<String> without, List<List<String>> lines) {}

  /// All blocks.
  ///
  /// @param fixtures a directory whose entries are in the current directory when a block begins
  record Script(String fixtures, List<Scene> scenes) {}

  /// What became of a line.
  record Outcome(int exitCode, String out, String err, double seconds) {}

  /// What became of all lines, in order.
  record Outcomes(List<Outcome> outcomes) {}

  private final Path here = Path.of("");
  private final Path fixtures;

  private DocumentedCommands(Path fixtures) {
    this.fixtures = fixtures;
  }

  /// Runs a script.
  ///
  /// @param args the file of a [Script], and where to write [Outcomes]
  public static void main(String[] args) throws IOException {
    Script script = Json.read(Path.of(args[0]), Script.class);
    DocumentedCommands commands = new DocumentedCommands(Path.of(script.fixtures()));
    List<Outcome> outcomes = new ArrayList<>();
    for (Scene scene : script.scenes()) {
      commands.prepare(scene);
      for (List<String> line : scene.lines()) {
        long start = System.nanoTime();
        Cli run = Cli.run(line.toArray());
        double seconds = (System.nanoTime() - start) / 1e9;
        outcomes.add(new Outcome(run.exitCode(), run.out(), run.err(), seconds));
      }
    }
    Json.write(Path.of(args[1]), new Outcomes(outcomes));
  }

  /// Makes the directory what it was, but for the scene's own files.
  private void prepare(Scene scene) throws IOException {
    clear(here);
    copy(fixtures, here);
    Path own = fixtures.resolveSibling("for " + scene.where().replace('/', ' '));
    if (Files.isDirectory(own)) {
      copy(own, here);
    }
    for (String name : scene.without()) {
      Path path = here.resolve(name);
      if (Files.exists(path)) {
        clear(path);
        Files.delete(path);
      }
    }
  }

  /// Copies directories and small files; a link stays one.
  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> entries = Files.list(from)) {
      for (Path entry : entries.toList()) {
        Path copy = to.resolve(entry.getFileName());
        if (Files.isSymbolicLink(entry)) {
          Files.createSymbolicLink(copy, Files.readSymbolicLink(entry));
        } else if (Files.isDirectory(entry)) {
          Files.createDirectories(copy);
          copy(entry, copy);
        } else {
          Files.deleteIfExists(copy);
          Files.copy(entry, copy);
        }
      }
    }
  }

  /// Deletes everything in a directory, and nothing behind a link.
  private static void clear(Path directory) throws IOException {
    if (!Files.isDirectory(directory) || Files.isSymbolicLink(directory)) {
      return;
    }
    Files.walkFileTree(
        directory.toAbsolutePath(),
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path folder, @Nullable IOException failure)
              throws IOException {
            if (!folder.equals(directory.toAbsolutePath())) {
              Files.delete(folder);
            }
            return FileVisitResult.CONTINUE;
          }
        });
  }
}
