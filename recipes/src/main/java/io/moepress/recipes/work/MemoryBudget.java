package io.moepress.recipes.work;

import io.moepress.formats.FormatException;
import io.moepress.recipes.recipe.ByteSize;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import java.util.stream.Stream;
import javax.management.JMException;
import javax.management.ObjectName;

/// How much memory a run may use, the program itself included.
///
/// @param bytes resident memory of the process
public record MemoryBudget(long bytes) {
  /// What Java, libtorch and a small heap take before there is any work, as measured on Linux.
  public static final long PROGRAM = 512L << 20;

  private static final Path STATUS = Path.of("/proc/self/status");
  private static final String PEAK = "VmHWM:";

  /// Three quarters of the machine's memory, or of the container's.
  public static MemoryBudget ofMachine() {
    return new MemoryBudget(machine() / 4 * 3);
  }

  private static long machine() {
    try {
      Object total =
          ManagementFactory.getPlatformMBeanServer()
              .getAttribute(new ObjectName("java.lang:type=OperatingSystem"), "TotalMemorySize");
      return total instanceof Long size ? size : Runtime.getRuntime().maxMemory();
    } catch (JMException e) {
      return Runtime.getRuntime().maxMemory(); // not every Java says how much there is
    }
  }

  /// Whether work that needs so many bytes fits beside the program.
  public boolean holds(long need) {
    return PROGRAM + need <= bytes;
  }

  /// Refuses work that does not fit.
  ///
  /// @param what what needs so much
  /// @throws FormatException naming both sizes
  public void require(long need, String what) {
    if (!holds(need)) {
      throw FormatException.of(
          "--max-memory %s: %s needs at least %s. Allow that much, or cut texts shorter"
              + " (max-tokens).",
          new ByteSize(bytes).rounded(), what, new ByteSize(PROGRAM + need).rounded());
    }
  }

  /// The most memory this process has had resident so far; nothing where the system does not say.
  public static OptionalLong peak() {
    try (Stream<String> lines = Files.lines(STATUS)) {
      return lines
          .filter(line -> line.startsWith(PEAK))
          .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("[^0-9]", "")))
          .findFirst();
    } catch (IOException e) {
      return OptionalLong.empty(); // not Linux
    }
  }
}
