package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.Checks;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.ObjectName;

/// Feeds a target and watches what it takes.
final class FuzzRun {
  /// Garbage included; the constant is what schemas, small checkpoints beside the file and JSON's
  /// own buffers need.
  private static final long BYTES_ALLOCATED = 48L << 20;

  private static final long ALLOCATED_FOR_EACH_BYTE = 4;

  /// A file of a megabyte and more can hold little else than `{}`, each of which becomes an object;
  /// so can a header that is almost only names. Code that is not yet compiled makes a few objects
  /// that compiled code does without.
  private static final long ALLOCATED_AT_MOST_FOR_EACH_BYTE = 128;

  private static final long BYTES_BESIDE_A_LARGE_INPUT = 8L << 20;
  private static final long NANOSECONDS = 10_000_000_000L;

  private final FuzzTarget target;
  private final Path folder;
  private final MBeanServer server = ManagementFactory.getPlatformMBeanServer();
  private final ObjectName threads;

  private long executions;
  private long taken;
  private long longest;
  private long most;
  private double mostForEachByte;

  FuzzRun(FuzzTarget target, Path folder) throws IOException, JMException {
    this.target = target;
    this.folder = folder;
    this.threads = new ObjectName(ManagementFactory.THREAD_MXBEAN_NAME);
    target.prepare(folder);
  }

  /// The small broken, and the few sound, files of a target.
  static List<byte[]> corpus(FuzzTarget target) throws IOException {
    List<byte[]> corpus = new ArrayList<>();
    try (Stream<Path> files = Files.list(TestData.path("fuzz/" + target.label()))) {
      for (Path file : files.sorted().toList()) {
        corpus.add(Files.readAllBytes(file));
      }
    }
    return corpus;
  }

  /// Runs one input.
  void run(byte[] bytes) throws IOException, JMException {
    run(bytes, BYTES_ALLOCATED + ALLOCATED_FOR_EACH_BYTE * bytes.length);
  }

  /// Runs inputs of hundreds of kilobytes and more.
  void runLarge(List<byte[]> inputs) throws IOException, JMException {
    for (byte[] bytes : inputs) {
      run(bytes, BYTES_BESIDE_A_LARGE_INPUT + ALLOCATED_AT_MOST_FOR_EACH_BYTE * bytes.length);
    }
  }

  private void run(byte[] bytes, long limit) throws IOException, JMException {
    long allocated = allocated();
    long begin = System.nanoTime();
    boolean fine = false;
    try {
      taken += target.run(bytes, folder) ? 1 : 0;
      fine = true;
    } finally {
      if (!fine) {
        System.err.println(target.label() + " broke on " + kept(bytes));
      }
    }
    long time = System.nanoTime() - begin;
    long memory = allocated() - allocated;
    executions++;
    longest = Math.max(longest, time);
    most = Math.max(most, memory);
    mostForEachByte = Math.max(mostForEachByte, (double) memory / Math.max(1, bytes.length));
    if (time > NANOSECONDS || memory > limit) {
      assertThat(Checks.text("%d ms, %d bytes allocated", time / 1_000_000, memory))
          .as("%s of %d bytes: %s", target, bytes.length, kept(bytes))
          .isEqualTo("less");
    }
  }

  /// An input that somebody will want to look at.
  private Path kept(byte[] bytes) throws IOException {
    return Files.write(Files.createTempFile("fuzz-" + target.label() + "-", ""), bytes);
  }

  private long allocated() throws JMException {
    return (Long) server.getAttribute(threads, "CurrentThreadAllocatedBytes");
  }

  /// One line of numbers.
  String summary() {
    return Checks.text(
        "%-12s %,10d executions, %,9d taken, slowest %,d ms, most allocated %.1f MiB",
        target.label(), executions, taken, longest / 1_000_000, most / 1048576.0);
  }

  /// The same about large inputs.
  String summaryOfLarge() {
    return Checks.text(
        "%-12s %d large inputs, slowest %,d ms, most allocated %.1f MiB, %.0f bytes for each of a"
            + " file",
        target.label(), executions, longest / 1_000_000, most / 1048576.0, mostForEachByte);
  }
}
