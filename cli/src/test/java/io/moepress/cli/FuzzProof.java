package io.moepress.cli;

import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Each target for as long as the system property `moepress.fuzz.seconds` says, with files made of
/// its corpus. Another `moepress.fuzz.seed` makes other files.
@Tag("proof")
class FuzzProof {
  private static final int LARGE = 4 << 20;

  @TempDir private Path folder = Path.of("");

  @ParameterizedTest
  @EnumSource
  void onlyDocumentedExceptionsLeaveAReader(FuzzTarget target) throws Exception {
    FuzzRun run = new FuzzRun(target, folder);
    Mutation mutation = new Mutation(FuzzRun.corpus(target), Long.getLong("moepress.fuzz.seed", 2));
    long seconds = Long.getLong("moepress.fuzz.seconds", 20);
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    while (System.nanoTime() < end) {
      run.run(mutation.next());
    }
    System.err.println(run.summary());
  }

  @ParameterizedTest
  @EnumSource
  void aLargeFileTakesMemoryInProportion(FuzzTarget target) throws Exception {
    FuzzRun run = new FuzzRun(target, folder);
    run.runLarge(LargeInput.all(target, folder, LARGE));
    System.err.println(run.summaryOfLarge());
  }
}
