package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.json.Json;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Learned scores from end to end.
class DiepRunTest {
  private static final String TEXTS =
      """
      {"input_ids": [1, 5, 9, 20, 3, 14]}
      {"input_ids": [2, 6, 10, 21, 4]}
      {"input_ids": [30, 7, 11, 22, 5, 16, 8]}
      {"input_ids": [29, 8, 12, 23]}
      """;

  @TempDir private Path folder = Path.of("");
  private Path work = Path.of("");

  @BeforeEach
  void write() throws IOException {
    TinyMoe.qwen3().experts(8).write(folder.resolve("model"));
    Files.writeString(folder.resolve("texts.jsonl"), TEXTS);
    work = folder.resolve("shared.work");
  }

  @Test
  void learnsOnceForAllRatios() throws IOException {
    Cli half = Cli.run("run", recipe("half", "keep: 50%, epochs: 2, batch: 2"), "-w", work);
    Cli most = Cli.run("run", recipe("most", "keep: 75%, epochs: 2, batch: 2"), "-w", work);

    assertThat(half.exitCode()).as(half.err()).isZero();
    assertThat(half.err()).containsPattern("learned scores: .*objective [0-9.]+ in the first");
    assertThat(half.err()).contains("learning: ");
    assertThat(most.exitCode()).as(most.err()).isZero();
    assertThat(most.err())
        .contains("learned scores: reused " + learned().getFirst())
        .doesNotContain("learning: ");
    assertThat(learned()).hasSize(1);
    assertThat(Json.object(work.resolve("plan.json")).get("notes").toString())
        .contains("diep: scores learned in 4 steps (relaxation dense, adam), sha256:");
  }

  @Test
  void otherOptionsLearnAnewAndKeepWhatWasLearned() throws IOException {
    Cli.run("plan", recipe("dense", "keep: 50%, epochs: 1"), "-w", work);
    Cli.run("plan", recipe("router", "keep: 50%, epochs: 1, relaxation: router"), "-w", work);
    Cli again = Cli.run("plan", recipe("again", "keep: 50%, epochs: 1"), "-w", work);

    assertThat(learned()).hasSize(2);
    assertThat(again.err()).contains("learned scores: reused");
  }

  @Test
  void aDamagedFileIsLearnedAgain() throws IOException {
    Path recipe = recipe("half", "keep: 50%, epochs: 1");
    Cli.run("plan", recipe, "-w", work);
    Path file = learned().getFirst();
    byte[] before = Files.readAllBytes(file);
    Files.writeString(file, "{}");

    Cli again = Cli.run("plan", recipe, "-w", work);

    assertThat(again.err()).contains("Learning again.");
    assertThat(Files.readAllBytes(file)).isEqualTo(before);
  }

  @Test
  void threadsDoNotChangeThePlan() throws IOException {
    Path recipe = recipe("half", "keep: 50%, epochs: 2, batch: 2");
    Cli.run("run", recipe, "-w", folder.resolve("one.work"), "-j", 1);
    Cli.run("run", recipe, "-w", folder.resolve("five.work"), "-j", 5, "--overwrite");

    assertThat(folder.resolve("five.work/plan.json"))
        .hasSameBinaryContentAs(folder.resolve("one.work/plan.json"));
  }

  @Test
  void aFileOfScoresStandsInForLearning() throws IOException {
    Cli.run("plan", recipe("first", "keep: 50%, epochs: 1"), "-w", work);
    Path file = Files.copy(learned().getFirst(), folder.resolve("scores.json"));

    Cli given = Cli.run("plan", recipe("given", "keep: 25%, learned: " + file));

    assertThat(given.exitCode()).as(given.err()).isZero();
    assertThat(given.err()).doesNotContain("learning: ");
  }

  @Test
  void scoresOfAnotherCheckpointAreRefused() throws IOException {
    Cli.run("plan", recipe("first", "keep: 50%, epochs: 1"), "-w", work);
    Path file = Files.copy(learned().getFirst(), folder.resolve("scores.json"));
    TinyMoe.qwen3().experts(8).seed(9).write(folder.resolve("other"));
    Path recipe = recipe("given", "keep: 50%, learned: " + file);
    Path model = folder.resolve("model");
    Files.writeString(
        recipe, Files.readString(recipe).replace(model + "\n", folder.resolve("other") + "\n"));

    Cli given = Cli.run("plan", recipe);

    assertThat(given.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(given.err())
        .containsPattern("scores.json: learned on checkpoint sha256:\\w+, this one is sha256:\\w+")
        .contains("Leave out \"learned\"");
  }

  @Test
  void withoutTextsItSaysWhatIsMissing() throws IOException {
    Path recipe = recipe("half", "keep: 50%");
    Cli measured =
        Cli.run(
            "calibrate",
            folder.resolve("model"),
            "--data",
            folder.resolve("texts.jsonl"),
            "-o",
            folder.resolve("evidence"));
    assertThat(measured.exitCode()).as(measured.err()).isZero();
    String text = Files.readString(recipe);
    Files.writeString(recipe, text.substring(0, text.indexOf("calibration:")) + steps("keep: 50%"));

    Cli plan = Cli.run("plan", recipe, "--evidence", folder.resolve("evidence"));

    assertThat(plan.exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(plan.err()).contains("method diep learns from texts (expected calibration data");
  }

  @Test
  void tooLittleMemoryIsRefusedBeforeAnythingIsMeasured() throws IOException {
    Cli run = Cli.run("run", recipe("half", "keep: 50%"), "--max-memory", "64MiB");

    assertThat(run.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(run.err()).contains("--max-memory 64.0 MiB").doesNotContain("learning");
  }

  private List<Path> learned() throws IOException {
    try (Stream<Path> files = Files.list(work)) {
      return files.filter(file -> file.getFileName().toString().startsWith("learned-")).toList();
    }
  }

  private static String steps(String options) {
    return "steps:\n  - prune: {method: diep, " + options + "}\n";
  }

  private Path recipe(String name, String options) throws IOException {
    String text =
        "model: MODEL\noutput: OUTPUT\ncalibration:\n  data: [TEXTS]\n"
            .replace("MODEL", folder.resolve("model").toString())
            .replace("OUTPUT", folder.resolve(name).toString())
            .replace("TEXTS", folder.resolve("texts.jsonl").toString());
    return Files.writeString(folder.resolve(name + ".yaml"), text + steps(options));
  }
}
