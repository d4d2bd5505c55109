package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// A plan for a trillion parameters is made on any machine in a moment.
@Tag("proof")
class TrillionPlanProof {
  private static final int RUNS = 3;

  @TempDir private Path folder = Path.of("");

  @Test
  @EnabledOnOs(value = OS.LINUX, disabledReason = "asks Linux for the memory of a process")
  void planTakesLessThanFiveSecondsAndThreeHundredMegabytes() throws Exception {
    Path model = TrillionModel.write(folder.resolve("kimi"));
    Path recipe = folder.resolve("half.yaml");
    Files.writeString(
        recipe,
        "model: "
            + model
            + "\noutput: "
            + folder.resolve("out")
            + "\nsteps:\n  - prune: {method: random, keep: 50%}\n");
    Path plan = folder.resolve("plan.json");

    Took took = Took.run(Took.moepress("plan", recipe, "-q", "-o", plan));
    for (int run = 1; run < RUNS; run++) {
      took = took.best(Took.run(Took.moepress("plan", recipe, "-q", "-o", plan)));
    }

    System.err.println("plan of a trillion: " + took.seconds() + " s, " + took.peak() + " bytes");
    assertThat(plan).isNotEmptyFile();
    assertThat(took.seconds()).isLessThan(5);
    assertThat(took.peak()).isBetween(50_000_000L, 300_000_000L);
  }
}
