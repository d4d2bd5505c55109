package io.moepress.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/// What a process of its own took.
///
/// @param seconds from its start to its end
/// @param peak the most that was resident, in bytes; 0 where the system does not say
/// @param output what it printed
record Took(double seconds, long peak, String output) {
  private static final Path LAUNCH = Path.of("..", "build-config", "launch.sh");

  /// The command line of the program, with the options that its launchers give to Java, but without
  /// their archive of classes, which makes a start shorter.
  static List<String> moepress(Object... arguments) {
    String script = ". \"$1\" && shift && start_java io.moepress.cli.Main \"$@\"";
    List<String> command =
        new ArrayList<>(List.of("sh", "-c", script, "sh", LAUNCH.toAbsolutePath().toString()));
    Stream.of(arguments).map(String::valueOf).forEach(command::add);
    return command;
  }

  /// Runs a command to its end.
  ///
  /// @throws IllegalStateException with what it printed, when it fails
  static Took run(List<String> command) throws IOException, InterruptedException {
    Path log = Files.createTempFile("process", ".log");
    try {
      return run(command, log);
    } finally {
      Files.delete(log);
    }
  }

  private static Took run(List<String> command, Path log) throws IOException, InterruptedException {
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    builder.environment().put("jdk_home", System.getProperty("java.home"));
    builder.environment().put("class_path", System.getProperty("java.class.path"));
    long begin = System.nanoTime();
    Process process = builder.start();
    long peak = 0;
    do {
      peak = Math.max(peak, peak(process));
    } while (!process.waitFor(10, TimeUnit.MILLISECONDS));
    double seconds = (System.nanoTime() - begin) / 1e9;
    String output = Files.readString(log);
    if (process.exitValue() != 0) {
      throw new IllegalStateException(command + ": " + output);
    }
    return new Took(seconds, peak, output);
  }

  private static long peak(Process process) {
    try (Stream<String> lines = Files.lines(Path.of("/proc/" + process.pid() + "/status"))) {
      return lines
          .filter(line -> line.startsWith("VmHWM:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
          .findFirst()
          .orElse(0);
    } catch (IOException | UncheckedIOException e) {
      return 0; // it has ended
    }
  }

  /// The shorter time and the higher peak.
  Took best(Took other) {
    String faster = seconds <= other.seconds ? output : other.output;
    return new Took(Math.min(seconds, other.seconds), Math.max(peak, other.peak), faster);
  }
}
