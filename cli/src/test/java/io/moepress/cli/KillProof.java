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
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// What can go wrong on a machine, as often as the system property `moepress.kills` says.
@Tag("proof")
class KillProof {
  private static final int KILLS = Integer.getInteger("moepress.kills", 20);

  private static final int INTERRUPTS = Math.max(2, KILLS / 4);

  /// So many stops may come too late before something is wrong, such as a signal that is ignored.
  private static final int MOST_LATE = 20 + 3 * KILLS;

  @TempDir private Path folder = Path.of("");

  /// How a process can be stopped from outside.
  private enum Signal {
    KILL(9),
    INT(2),
    TERM(15);

    private final int exitCode;

    Signal(int number) {
      this.exitCode = 128 + number;
    }

    /// Sends it to a process and waits for its end.
    int stop(Process process) throws Exception {
      send(name(), process);
      return process.waitFor();
    }
  }

  private static void send(String signal, Process process) throws Exception {
    new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid()))
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .start()
        .waitFor();
  }

  /// What became of the stops of a job. Only those count that ended a process which was at work.
  private static final class Count {
    private int kills;
    private int interrupts;
    private int late;

    private boolean isEnough() {
      return kills >= KILLS && interrupts >= INTERRUPTS;
    }

    /// Kills first; then Ctrl-C and the signal of `docker stop` in turn.
    private Signal next() {
      if (kills < KILLS) {
        return Signal.KILL;
      }
      return interrupts % 2 == 0 ? Signal.INT : Signal.TERM;
    }

    private void add(Signal signal, boolean stopped) {
      if (!stopped) {
        late++;
      } else if (signal == Signal.KILL) {
        kills++;
      } else {
        interrupts++;
      }
    }
  }

  /// A stop that comes when the job is done is drawn again; some jobs are stopped twice.
  @ParameterizedTest
  @EnumSource
  void aJobThatWasStoppedAnywhereEndsInTheSameBytes(KillableJob job) throws Exception {
    Path whole = Files.createDirectory(folder.resolve("whole"));
    long begin = System.nanoTime();
    assertThat(job.start(whole).waitFor()).as(log(whole)).isZero();
    long time = System.nanoTime() - begin;
    SortedMap<String, String> expected = KillableJob.results(whole);
    assertThat(expected).isNotEmpty();
    SplittableRandom random = new SplittableRandom(Long.getLong("moepress.seed", 1));
    Count count = new Count();
    int jobs = 0;
    while (!count.isEnough()) {
      assertThat(count.late)
          .as("stops that came too late; is a signal ignored?")
          .isLessThan(MOST_LATE);
      Path work = Files.createDirectory(folder.resolve("job-" + jobs++));
      int stops = 1 + random.nextInt(2);
      for (int stop = 0; stop < stops && !count.isEnough() && !job.isComplete(work); stop++) {
        Signal signal = count.next();
        count.add(signal, stop(signal, job.start(work), work, random.nextLong(time)));
      }
      if (!job.isComplete(work)) {
        Cli resumed = job.run(work);
        assertThat(resumed.exitCode()).as("%s: %s", work, resumed.err()).isZero();
        assertThat(KillableJob.leftovers(work)).as("%s", work).isEmpty();
      }
      assertThat(KillableJob.results(work)).as("%s", work).isEqualTo(expected);
    }
    System.err.println(
        Checks.text(
            "%s: %d kills (SIGKILL) and %d interrupts (SIGINT, SIGTERM) of a process at work, in %d"
                + " jobs; all ended in the same bytes; %d more stops came too late; a whole run"
                + " takes %.1f s",
            job, count.kills, count.interrupts, jobs, count.late, time / 1e9));
  }

  /// @return whether it ended a process that was at work
  private static boolean stop(Signal signal, Process process, Path work, long nanoseconds)
      throws Exception {
    int exitCode =
        process.waitFor(nanoseconds, TimeUnit.NANOSECONDS)
            ? process.exitValue()
            : signal.stop(process);
    assertThat(exitCode).as("%s: %s", signal, log(work)).isIn(0, signal.exitCode);
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

  @ParameterizedTest
  @EnumSource
  void aPlaceThatIsReadOnlyIsSaid(KillableJob job) throws Exception {
    Path disk = Files.createDirectory(folder.resolve("disk"));
    assumeTrue(mount("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk.toString()));
    try {
      List<String> command = job.command(disk);
      assertThat(mount("mount", "-o", "remount,ro", disk.toString())).isTrue();

      Cli run = Cli.run(command.toArray());

      assertThat(run.exitCode()).isEqualTo(ExitCode.FAILED);
      assertThat(complaint(run.err()))
          .startsWith("moepress: " + disk)
          .endsWith("Read-only file system");
    } finally {
      mount("umount", disk.toString());
    }
  }

  /// The directory is mounted onto itself, since a disk with files that are open cannot change.
  @ParameterizedTest
  @CsvSource({
    "PRUNE, out.work, out.work/lock",
    "MERGE, out.work, out.work/evidence",
    "QUANTIZE, out.work, out.work/plan.json",
    "CONVERT, out.partial, out.partial/finished",
  })
  void aWorkDirectoryThatBecomesReadOnlyIsSaid(KillableJob job, Path name, Path sign)
      throws Exception {
    Path work = folder.resolve(name);
    Process process = job.start(folder);
    while (process.isAlive() && !Files.exists(folder.resolve(sign))) {
      Thread.onSpinWait();
    }
    send("STOP", process); // nothing may be open there when it changes
    assumeTrue(mount("mount", "--bind", work.toString(), work.toString()));
    try {
      assertThat(mount("mount", "-o", "remount,bind,ro", work.toString())).isTrue();
      send("CONT", process);
      assumeTrue(process.waitFor() != 0, "it was faster than we");
    } finally {
      process.destroyForcibly().waitFor();
      mount("umount", work.toString());
    }

    assertThat(process.exitValue()).isEqualTo(ExitCode.FAILED);
    assertThat(complaint(log(folder)))
        .startsWith("moepress: " + work)
        .endsWith("Read-only file system");
    assertThat(job.run(folder).exitCode()).isZero();
  }

  /// The one sentence about what went wrong.
  private static String complaint(String messages) {
    List<String> lines = messages.lines().filter(line -> line.startsWith("moepress: ")).toList();
    assertThat(lines).as(messages).hasSize(1);
    assertThat(messages).doesNotContain("unexpected", "\tat ");
    return lines.getFirst();
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
