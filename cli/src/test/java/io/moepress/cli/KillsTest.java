package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Kills at moments that nobody chose. `KillProof` has many more of them, and `KillAndResumeTest`
/// the moments that matter most.
class KillsTest {
  @TempDir private Path undisturbed = Path.of("");
  @TempDir private Path folder = Path.of("");

  @ParameterizedTest
  @EnumSource(names = {"MERGE", "QUANTIZE", "GGUF"})
  void aKilledJobEndsInTheSameBytes(KillableJob job) throws Exception {
    Cli whole = job.run(undisturbed);
    assertThat(whole.exitCode()).as(whole.err()).isZero();
    Process process = job.start(folder);
    process.waitFor(job == KillableJob.GGUF ? 1 : 3, TimeUnit.SECONDS);
    process.destroyForcibly().onExit().join();

    if (!job.isComplete(folder)) {
      Cli resumed = job.run(folder);
      assertThat(resumed.exitCode()).as(resumed.err()).isZero();
      assertThat(KillableJob.leftovers(folder)).isEmpty();
    }
    assertThat(KillableJob.results(folder))
        .isEqualTo(KillableJob.results(undisturbed))
        .isNotEmpty();
  }
}
