package io.moepress.cli;

import io.moepress.formats.Checks;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/// What takes long with a real model, with a small one: each job in a folder of its own, so that
/// its process can be killed and its results be compared.
enum KillableJob {
  PRUNE("prune: {method: easy-ep, keep: 50%}"),
  MERGE("merge: {method: hc-smoe, experts: 4}"),
  QUANTIZE("quantize: {method: gptq, scheme: W4A16, group-size: 32}"),
  CONVERT(""),
  GGUF("");

  private static final Path MODEL = TestData.path("models/tiny-mixtral");

  private final String step;

  KillableJob(String step) {
    this.step = step;
  }

  /// The command line.
  List<String> command(Path folder) throws IOException {
    return switch (this) {
      case PRUNE, MERGE, QUANTIZE -> List.of("run", recipe(folder).toString(), "-j", "2");
      case CONVERT ->
          List.of(
              "convert",
              MODEL.toString(),
              "-o",
              folder.resolve("out").toString(),
              "--max-shard-size",
              "500KB",
              "-j",
              "2");
      case GGUF ->
          List.of(
              "convert",
              MODEL.toString(),
              "-o",
              folder.resolve("out.gguf").toString(),
              "--to",
              "Q8_0",
              "-j",
              "2");
    };
  }

  private Path recipe(Path folder) throws IOException {
    String text =
        Checks.text(
            """
            model: %s
            output: %s
            max-shard-size: 500KB
            calibration:
              data: [{file: %s, samples: 6}]
            steps:
              - %s
            evaluate:
              data: [{file: %s, samples: 2}]
            """,
            MODEL,
            folder.resolve("out"),
            TestData.path("texts/math.calibration.jsonl"),
            step,
            TestData.path("texts/math.evaluation.jsonl"));
    return Files.writeString(folder.resolve("recipe.yaml"), text);
  }

  /// Starts the job in a process of its own, which writes to `log` in the folder.
  Process start(Path folder) throws IOException {
    return start(command(folder), folder.resolve("log"));
  }

  /// Starts the program.
  static Process start(List<String> arguments, Path log) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                "io.moepress.cli.Main"));
    command.addAll(arguments);
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(log.toFile())
        .start();
  }

  /// Does the job in this process.
  Cli run(Path folder) throws IOException {
    return Cli.run(command(folder).toArray());
  }

  /// Whether there is nothing left to do, and the program would refuse to do it again: unlike a
  /// directory, a GGUF file does not say what it was made from.
  boolean isComplete(Path folder) {
    return this == GGUF && Files.exists(folder.resolve("out.gguf"));
  }

  /// The digests of everything that a job is asked for, and of the documents it was made from.
  static SortedMap<String, String> results(Path folder) throws IOException {
    SortedMap<String, String> digests = new TreeMap<>();
    try (Stream<Path> walk = Files.walk(folder)) {
      for (Path file : walk.filter(Files::isRegularFile).toList()) {
        String name = folder.relativize(file).toString();
        boolean isDocument =
            name.equals("out.work/plan.json") || name.startsWith("out.work/evidence/evidence.");
        if (isDocument || name.startsWith("out/") || name.equals("out.gguf")) {
          digests.put(name, Fingerprint.ofFile(file));
        }
      }
    }
    return digests;
  }

  /// What is left beside an output that is complete: nothing of a stopped run.
  static List<String> leftovers(Path folder) throws IOException {
    try (Stream<Path> walk = Files.walk(folder)) {
      return walk.map(file -> folder.relativize(file).toString())
          .filter(name -> name.matches(".*(snapshot|[.]partial|[.]replaced|lock)(/.*)?"))
          .toList();
    }
  }
}
