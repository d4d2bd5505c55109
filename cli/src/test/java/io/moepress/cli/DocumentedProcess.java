package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.cli.DocumentedCommands.Outcome;
import io.moepress.cli.DocumentedCommands.Outcomes;
import io.moepress.cli.DocumentedCommands.Scene;
import io.moepress.cli.DocumentedCommands.Script;
import io.moepress.formats.json.Json;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// Runs command lines of documents in a process whose directory is the reader's.
///
/// @param folder an empty one, but for the files that the commands name
/// @param minutes how long all commands together may take
record DocumentedProcess(Path folder, int minutes) {

  /// Where the files stand that the commands name.
  static Path fixtures(Path folder) {
    return folder.resolve("fixtures");
  }

  /// Runs all scenes in one process.
  List<Outcome> run(List<Scene> scenes) throws IOException, InterruptedException {
    Path script = folder.resolve("script.json");
    Path outcomes = folder.resolve("outcomes.json");
    Json.write(script, new Script(fixtures(folder).toString(), scenes));
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx1g",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                absolute(System.getProperty("java.class.path")),
                DocumentedCommands.class.getName(),
                script.toString(),
                outcomes.toString())
            .directory(Files.createDirectories(folder.resolve("here")).toFile())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("log").toFile())
            .start();
    boolean isDone = process.waitFor(minutes, TimeUnit.MINUTES);
    if (!isDone) {
      process.destroyForcibly().waitFor();
    }
    forgetLinks();
    String log = Files.readString(folder.resolve("log"));
    assertThat(isDone).as("within %d minutes; %s", minutes, log).isTrue();
    assertThat(process.exitValue()).as(log).isZero();
    return Json.read(outcomes, Outcomes.class).outcomes();
  }

  /// Nothing behind a link is ours to delete.
  private void forgetLinks() throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path link : files.filter(Files::isSymbolicLink).toList()) {
        Files.delete(link);
      }
    }
  }

  private static String absolute(String classPath) {
    List<String> entries = new ArrayList<>();
    for (String entry : classPath.split(Pattern.quote(File.pathSeparator), -1)) {
      entries.add(Path.of(entry).toAbsolutePath().toString());
    }
    return String.join(File.pathSeparator, entries);
  }
}
