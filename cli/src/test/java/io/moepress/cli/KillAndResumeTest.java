package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A process of its own is killed as soon as it has made a certain file; the same command, given
/// again, ends in the same bytes as a run that nobody disturbed.
class KillAndResumeTest {
  @TempDir private static Path shared = Path.of("");
  private static SortedMap<String, String> undisturbed = new TreeMap<>();

  @TempDir private Path folder = Path.of("");

  @BeforeAll
  static void runUndisturbed() throws IOException {
    Cli run = Cli.run("run", recipe(shared), "-q", "-j", 2);
    assertThat(run.exitCode()).as(run.err()).isZero();
    undisturbed = KillableJob.results(shared);
    assertThat(undisturbed).hasSizeGreaterThan(8);
  }

  @ParameterizedTest
  @CsvSource({
    "out.work/lock, nothing is measured yet",
    "out.work/evidence.snapshot.partial, the first snapshot is being taken",
    "out.work/evidence.snapshot, some layers are measured",
    "out.work/evidence.partial, evidence is being written",
    "out.work/evidence, everything is measured",
    "out.work/plan.json, the plan is written",
    "out.partial/finished, the first files are finished",
    "out.partial/model-00003*, the third file is under way",
    "out/moepress.json, the output is complete",
    "out.work/result.json, the result is there"
  })
  void aRunThatWasKilledGoesOnAndEndsInTheSameBytes(String file, String moment) throws Exception {
    Path recipe = recipe(folder);
    killAt(recipe, file);

    Cli resumed = Cli.run("run", recipe, "-j", 2);

    assertThat(resumed.exitCode()).as(resumed.err()).isZero();
    assertThat(KillableJob.results(folder)).as(moment).isEqualTo(undisturbed);
    assertThat(folder.resolve("out.partial")).doesNotExist();
    assertThat(folder.resolve("out.work"))
        .isDirectoryNotContaining("glob:**/*{snapshot,partial,replaced,lock}*");
  }

  @Test
  void whatWasMeasuredIsNotMeasuredAgain() throws Exception {
    Path recipe = recipe(folder);
    killAt(recipe, "out.work/evidence.snapshot");

    Cli resumed = Cli.run("run", recipe);

    assertThat(resumed.err()).containsPattern("calibrating: goes on behind layer [1-3] of 4");
  }

  @Test
  void aFinishedRunIsNotRepeated() throws IOException {
    Path recipe = recipe(folder);
    Cli.run("run", recipe, "-q");

    Cli again = Cli.run("run", recipe);

    assertThat(again.exitCode()).isZero();
    assertThat(again.err())
        .contains("evidence: reused")
        .contains("is there already, by the same plan: kept")
        .contains("evaluation: reused")
        .doesNotContain("calibrating: ")
        .doesNotContain("writing: ");
  }

  /// Starts the program and kills it at the moment when a file whose name begins like this is
  /// there.
  private void killAt(Path recipe, String file) throws IOException {
    Process process =
        KillableJob.start(
            List.of("run", recipe.toString(), "-q", "-j", "2"), folder.resolve("killed.log"));
    while (process.isAlive() && !isThere(file)) {
      Thread.onSpinWait();
    }
    process.destroyForcibly().onExit().join();
    assertThat(isThere(file) || file.contains("partial"))
        .as(Files.readString(folder.resolve("killed.log")))
        .isTrue();
  }

  private boolean isThere(String file) {
    Path path = folder.resolve(file.replace("*", ""));
    if (!file.endsWith("*")) {
      return Files.exists(path);
    }
    String prefix = String.valueOf(path.getFileName());
    String[] names = path.getParent().toFile().list();
    return names != null && Stream.of(names).anyMatch(name -> name.startsWith(prefix));
  }

  private static Path recipe(Path folder) throws IOException {
    return Files.writeString(
        folder.resolve("recipe.yaml"),
        """
        model: %s
        output: %s
        max-shard-size: 1MB
        calibration:
          data: [{file: %s, samples: 10}]
        steps:
          - prune: {method: easy-ep, keep: 50%%}
        evaluate:
          data: [{file: %s, samples: 3}]
        """
            .replace("%%", "%")
            .replaceFirst("%s", TestData.path("models/tiny-mixtral").toString())
            .replaceFirst("%s", folder.resolve("out").toString())
            .replaceFirst("%s", TestData.path("texts/math.calibration.jsonl").toString())
            .replaceFirst("%s", TestData.path("texts/math.evaluation.jsonl").toString()));
  }
}
