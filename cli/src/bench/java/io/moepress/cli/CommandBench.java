package io.moepress.cli;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import io.moepress.calibrate.corpus.CorpusReader;
import io.moepress.recipes.recipe.CalibrationSpec;
import io.moepress.recipes.recipe.CalibrationSpec.Order;
import io.moepress.recipes.recipe.DataSource;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.stream.Stream;

/// Whole commands, each in a process of its own, beside plain tools in the same run. Prints a table
/// in Markdown: the shortest of some runs in turn, and the most that was resident.
///
/// ```
/// ./build verify -Pbench -DskipTests
/// ```
public final class CommandBench {
  private static final int RUNS = Integer.getInteger("moepress.runs", 3);
  private static final int LAYERS = 4;
  private static final int EXPERTS = 16;

  private final Path folder;

  private CommandBench(Path folder) {
    this.folder = folder;
  }

  /// Something to be timed: a name, and the command.
  private record Job(String name, List<String> command, List<Path> made) {}

  /// Runs all.
  public static void main(String[] arguments) throws Exception {
    Path folder = Files.createTempDirectory(Path.of(arguments[0]), "bench-");
    CommandBench bench = new CommandBench(folder);
    try {
      bench.starting();
      bench.writing();
      bench.calibrating();
      bench.planning();
      bench.growing();
    } finally {
      delete(folder);
    }
  }

  private void starting() throws Exception {
    table("Starting", "");
    time(0, List.of(job("`moepress --version`", List.of(), "--version")));
  }

  /// A model of 1.1 GiB with numbers in it.
  private void writing() throws Exception {
    Path model =
        new LargeModel(2048, 1408, 64, true).write(folder.resolve("model"), LAYERS, EXPERTS);
    Path out = folder.resolve("out");
    List<String> copy =
        List.of("sh", "-c", "cp -r \"$1\" \"$2\" && sync \"$2\"/*", "sh", "" + model, "" + out);
    table("A checkpoint of " + size(model) + " MiB, BF16", "MiB of it a second");
    time(
        size(model),
        List.of(
            new Job("`cp` and `sync`", copy, List.of(out)),
            job("`convert` to the same", List.of(out), "convert", model, "-o", out, "-q"),
            run("prune half of the experts, by lots", model, "prune: {method: random, keep: 50%}"),
            run(
                "quantise to W4A16, to the nearest",
                model,
                "quantize: {method: round-to-nearest, scheme: W4A16, group-size: 128}")));
    delete(model);
  }

  /// The trained model of the quickstart, of 13 MiB: what is left is mostly the start. With
  /// `-Dmoepress.python=FILE`, a Python that has transformers, its forward pass stands beside ours.
  private void calibrating() throws Exception {
    Path model = TestData.path("models/tiny-qwen3moe");
    Path texts = texts();
    Path evidence = folder.resolve("evidence");
    long tokens = tokens(model, texts);
    table("`tiny-qwen3moe`, texts of " + tokens + " tokens", "tokens a second");
    List<Job> jobs = new ArrayList<>();
    jobs.add(
        job(
            "`calibrate`",
            List.of(evidence),
            "calibrate",
            model,
            "--data",
            texts,
            "-o",
            evidence,
            "-q"));
    String python = System.getProperty("moepress.python", "");
    if (!python.isEmpty()) {
      Path script = Path.of("src/bench/python/forward.py");
      List<String> command = List.of(python, script.toString(), "" + model, "" + texts);
      jobs.add(new Job("transformers, a whole process, without statistics", command, List.of()));
    }
    for (Took took : time(tokens, jobs)) {
      Stream.of(took.output().split("\n", -1))
          .filter(line -> line.contains(" tokens in "))
          .forEach(line -> System.out.println("\ntransformers: " + line));
    }
    table("GPTQ, texts of 25 samples", "");
    String data = "\ncalibration: {data: [" + TestData.path("texts/math.calibration.jsonl") + "]}";
    String gptq = "quantize: {method: gptq, scheme: W4A16, group-size: 32}" + data;
    time(0, List.of(run("GPTQ of all experts, verified", model, gptq)));
  }

  /// How many tokens a pass over the texts sees.
  private static long tokens(Path model, Path texts) throws IOException {
    DataSource source = new DataSource(texts, OptionalInt.empty(), OptionalDouble.empty(), "texts");
    return CorpusReader.read(model, new CalibrationSpec(List.of(source), 512, Order.FILE), 0)
        .tokens();
  }

  /// The calibration texts of all domains.
  private Path texts() throws IOException {
    List<String> lines = new ArrayList<>();
    for (String domain : List.of("math", "code", "drama", "prose")) {
      lines.addAll(Files.readAllLines(TestData.path("texts/" + domain + ".calibration.jsonl")));
    }
    return Files.writeString(folder.resolve("texts.jsonl"), String.join("\n", lines) + "\n");
  }

  private void planning() throws Exception {
    Path model = TrillionModel.write(folder.resolve("kimi"));
    table("Headers of Kimi-K2, " + size(model) / 1024 + " GiB", "");
    Path recipe = recipe(model, "prune: {method: random, keep: 50%}");
    List<Path> made = List.of(folder.resolve("out.work"));
    time(
        0,
        List.of(
            job("`plan`, prune half of the experts", made, "plan", recipe, "-q"),
            job("`inspect`", List.of(), "inspect", model, "-q")));
    delete(model);
  }

  /// Holes instead of numbers, so that a disk holds them; what is written is as large as it says.
  private void growing() throws Exception {
    table("Prune half of the experts, write and verify, as the model grows", "MiB of it a second");
    for (int times : new int[] {1, 4, 16}) {
      Path model =
          new LargeModel(2048, 1408, 64, false)
              .write(folder.resolve("model"), LAYERS, times * EXPERTS);
      String name = times + "x: " + size(model) + " MiB";
      time(size(model), List.of(run(name, model, "prune: {method: random, keep: 50%}")));
      delete(model);
    }
  }

  private Job run(String name, Path model, String step) throws IOException {
    List<Path> made = List.of(folder.resolve("out"), folder.resolve("out.work"));
    return job(name, made, "run", recipe(model, step), "-q");
  }

  private Path recipe(Path model, String step) throws IOException {
    Path recipe = Files.createTempFile(folder, "", ".yaml");
    String[] lines = step.split("\n", 2);
    return Files.writeString(
        recipe,
        "model: "
            + model
            + "\noutput: "
            + folder.resolve("out")
            + "\n"
            + (lines.length > 1 ? lines[1] + "\n" : "")
            + "steps:\n  - "
            + lines[0]
            + "\n");
  }

  private static Job job(String name, List<Path> made, Object... arguments) {
    return new Job(name, Took.moepress(arguments), made);
  }

  /// @param unit what a job does of its work in a second; empty: not asked
  private static void table(String title, String unit) {
    System.out.println("\n" + title + "\n");
    System.out.println("| job | seconds | of the first | " + unit + " | peak memory, MiB |");
    System.out.println("|---|---|---|---|---|");
  }

  /// Runs the jobs in turn, so that what else the machine does meets all of them.
  ///
  /// @param work how much each does; 0: not asked
  @CanIgnoreReturnValue
  private static List<Took> time(long work, List<Job> jobs) throws Exception {
    Took[] best = new Took[jobs.size()];
    for (int run = 0; run < RUNS; run++) {
      for (int i = 0; i < best.length; i++) {
        Took took = took(jobs.get(i));
        best[i] = best[i] == null ? took : best[i].best(took);
      }
    }
    for (int i = 0; i < best.length; i++) {
      System.out.printf(
          Locale.ROOT,
          "| %s | %.2f | %.2f | %s | %d |%n",
          jobs.get(i).name(),
          best[i].seconds(),
          best[i].seconds() / best[0].seconds(),
          work == 0 ? "" : Math.round(work / best[i].seconds()),
          best[i].peak() >> 20);
    }
    return List.of(best);
  }

  private static Took took(Job job) throws Exception {
    for (Path made : job.made()) {
      delete(made);
    }
    return Took.run(job.command());
  }

  private static long size(Path model) throws IOException {
    try (Stream<Path> files = Files.list(model)) {
      return files.mapToLong(file -> file.toFile().length()).sum() >> 20;
    }
  }

  private static void delete(Path path) throws IOException {
    if (Files.exists(path)) {
      try (Stream<Path> all = Files.walk(path)) {
        for (Path each : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
          Files.delete(each);
        }
      }
    }
  }
}
