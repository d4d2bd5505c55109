package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.moepress.formats.Checks;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// What can go wrong on a machine, as often as the system property `moepress.kills` says.
@Tag("proof")
class KillProof {
  private static final int KILLS = Integer.getInteger("moepress.kills", 20);

  private static final int INTERRUPTED = 130;

  @TempDir private Path folder = Path.of("");

  /// Every fifth is an interrupt, as of Ctrl-C, and the others are kills; some are killed twice.
  @ParameterizedTest
  @EnumSource
  void aJobThatWasStoppedAnywhereEndsInTheSameBytes(KillableJob job) throws Exception {
    Path whole = Files.createDirectory(folder.resolve("whole"));
    long begin = System.nanoTime();
    assertThat(job.start(whole).waitFor()).as(log(whole)).isZero();
    long time = System.nanoTime() - begin;
    SortedMap<String, String> expected = KillableJob.results(whole);
    SplittableRandom random = new SplittableRandom(Long.getLong("moepress.seed", 1));
    int finished = 0;
    for (int kill = 0; kill < KILLS; kill++) {
      Path work = Files.createDirectory(folder.resolve("kill-" + kill));
      int stops = 1 + random.nextInt(2);
      boolean stopped = true;
      for (int stop = 0; stop < stops && !job.isComplete(work); stop++) {
        stopped &= stop(job, work, random.nextLong(time), kill % 5 == 4);
      }
      finished += stopped ? 0 : 1;
      if (!job.isComplete(work)) {
        Cli resumed = job.run(work);
        assertThat(resumed.exitCode()).as("kill %d: %s", kill, resumed.err()).isZero();
        assertThat(KillableJob.leftovers(work)).as("kill %d", kill).isEmpty();
      }
      assertThat(KillableJob.results(work)).as("kill %d", kill).isEqualTo(expected);
    }
    System.err.println(
        Checks.text(
            "%s: %d of %d kills ended in the same bytes; %d came when all was done; a whole run"
                + " takes %.1f s",
            job, KILLS, KILLS, finished, time / 1e9));
  }

  /// @return whether it was still running
  private static boolean stop(KillableJob job, Path work, long nanoseconds, boolean interrupt)
      throws Exception {
    Process process = job.start(work);
    if (process.waitFor(nanoseconds, TimeUnit.NANOSECONDS)) {
      return false;
    }
    if (!interrupt) {
      process.destroyForcibly().onExit().join();
      return true;
    }
    new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start().waitFor();
    int exitCode = process.waitFor();
    assertThat(exitCode).as(log(work)).isIn(0, INTERRUPTED);
    return exitCode != 0;
  }

  @Test
  void aFullDiskKeepsWhatIsFinished() throws Exception {
    Path disk = Files.createDirectory(folder.resolve("disk"));
    assumeTrue(mount("mount", "-t", "tmpfs", "-o", "size=11m", "tmpfs", disk.toString()));
    try {
      Path filling = disk.resolve("filling");
      Process convert = KillableJob.CONVERT.start(disk);
      // There is room for it at first; the disk fills up when files are being written.
      while (convert.isAlive() && !Files.exists(disk.resolve("out.partial/finished"))) {
        Thread.onSpinWait();
      }
      fill(filling);
      assumeTrue(convert.waitFor() != 0, "it was faster than we");
      assertThat(log(disk)).contains("the disk is full. The files that are finished stay there");
      Files.delete(filling);
      assertThat(mount("mount", "-o", "remount,size=64m", disk.toString())).isTrue();

      Cli resumed = KillableJob.CONVERT.run(disk);

      assertThat(resumed.exitCode()).as(resumed.err()).isZero();
      assertThat(Cli.run("verify", disk.resolve("out"), "-q").exitCode()).isZero();
    } finally {
      mount("umount", disk.toString());
    }
  }

  private static boolean mount(String... command) throws Exception {
    return new ProcessBuilder(command).start().waitFor() == 0;
  }

  private static void fill(Path file) throws IOException {
    try (OutputStream out = Files.newOutputStream(file)) {
      byte[] block = new byte[1 << 16];
      for (int i = 0; i < 1 << 10; i++) {
        out.write(block);
      }
    } catch (IOException e) {
      assertThat(e).hasMessageContaining("No space left");
    }
  }

  @Test
  void aPlaceWhereNothingCanBeWrittenIsSaid() throws IOException {
    Path place = Path.of("/proc/moepress");
    assumeTrue(Files.isDirectory(place.getParent()));

    Cli convert = Cli.run("convert", TestData.path("models/tiny-mixtral"), "-o", place);

    assertThat(convert.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(convert.err()).startsWith("moepress: /proc/moepress").doesNotContain("unexpected");
  }

  @Test
  void aSecondRunOnAWorkDirectoryIsRefused() throws Exception {
    Process first = KillableJob.PRUNE.start(folder);
    while (first.isAlive() && !Files.exists(folder.resolve("out.work/lock"))) {
      Thread.onSpinWait();
    }

    Cli second = KillableJob.PRUNE.run(folder);

    first.destroyForcibly().onExit().join();
    assertThat(second.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(second.err()).contains("another moepress is at work there", "" + first.pid());
  }

  @Test
  void aShardThatChangesBetweenTwoCallsIsNoticed() throws Exception {
    Path model = copied(folder.resolve("model"));
    Path out = folder.resolve("out");
    List<String> command =
        List.of("convert", model.toString(), "-o", out.toString(), "--max-shard-size", "500KB");
    Process killed = KillableJob.start(command, folder.resolve("log"));
    while (killed.isAlive() && !Files.exists(folder.resolve("out.partial/finished"))) {
      Thread.onSpinWait();
    }
    killed.destroyForcibly().onExit().join();
    assumeTrue(!Files.exists(out));
    try (RandomAccessFile shard =
        new RandomAccessFile(model.resolve("model.safetensors").toFile(), "rw")) {
      shard.seek(shard.length() - 2);
      shard.write(0);
    }

    Cli resumed = Cli.run(command.toArray());

    assertThat(resumed.exitCode()).as(resumed.err()).isZero();
    assertThat(resumed.err()).contains("written anew").doesNotContain(": kept");
    Path fresh = folder.resolve("fresh");
    Cli.run("convert", model, "-o", fresh, "--max-shard-size", "500KB");
    try (Stream<Path> files = Files.list(fresh)) {
      for (Path file : files.toList()) {
        assertThat(out.resolve(file.getFileName())).hasSameBinaryContentAs(file);
      }
    }
  }

  @Test
  void aShardThatIsCutWhileItIsReadIsSaid() throws Exception {
    Path model = copied(folder.resolve("model"));
    Path out = folder.resolve("out");
    List<String> command =
        List.of("convert", model.toString(), "-o", out.toString(), "--max-shard-size", "100KB");
    Process process = KillableJob.start(command, folder.resolve("log"));
    while (process.isAlive() && !Files.exists(folder.resolve("out.partial/finished"))) {
      Thread.onSpinWait();
    }
    try (RandomAccessFile shard =
        new RandomAccessFile(model.resolve("model.safetensors").toFile(), "rw")) {
      shard.setLength(1 << 16);
    }

    assumeTrue(process.waitFor() != 0, "it was faster than we");

    assertThat(log(folder))
        .containsPattern("Leave it alone while moepress")
        .doesNotContain("\tat ");
    assertThat(out).doesNotExist();
  }

  private static Path copied(Path target) throws IOException {
    Files.createDirectory(target);
    List<Path> files = new ArrayList<>();
    try (Stream<Path> children = Files.list(TestData.path("models/tiny-mixtral"))) {
      children.forEach(files::add);
    }
    for (Path file : files) {
      Files.copy(file, target.resolve(file.getFileName()));
    }
    return target;
  }

  private static String log(Path folder) throws IOException {
    return Files.readString(folder.resolve("log"));
  }
}
