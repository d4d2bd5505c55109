package io.moepress.formats.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.FormatException;
import io.moepress.formats.Refusal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileLockTest {
  private static final int TAKEN = 3;

  @TempDir private Path folder;
  private Path file;

  @BeforeEach
  void place() {
    file = folder.resolve("lock");
  }

  /// Another process: takes the lock if it can, and says so by its exit code.
  static final class Other {
    private Other() {}

    public static void main(String[] args) throws IOException {
      try {
        FileLock.acquire(Path.of(args[0]), Path.of("place")).close();
      } catch (FormatException e) {
        System.exit(TAKEN);
      }
    }
  }

  private int exitCodeOfAnother() throws Exception {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-cp",
            System.getProperty("java.class.path"),
            Other.class.getName(),
            file.toString())
        .inheritIO()
        .start()
        .waitFor();
  }

  @Test
  void anotherProcessIsKeptOut() throws Exception {
    try (FileLock lock = FileLock.acquire(file, folder)) {
      assertThat(lock).isNotNull();
      assertThat(exitCodeOfAnother()).isEqualTo(TAKEN);
    }
    assertThat(exitCodeOfAnother()).isZero();
  }

  @Test
  void aRefusedRunOfTheSameProcessDoesNotLetOthersIn() throws Exception {
    try (FileLock lock = FileLock.acquire(file, folder)) {
      assertThat(lock).isNotNull();
      assertThat(Refusal.of(() -> FileLock.acquire(file, folder).close()))
          .contains("another moepress is at work there (process " + ProcessHandle.current().pid());
      assertThat(exitCodeOfAnother()).isEqualTo(TAKEN);
    }
  }

  @Test
  void theFileGoesWithTheLock() throws IOException {
    FileLock.acquire(file, folder).close();
    assertThat(file).doesNotExist();
    Files.writeString(file, "process 1\n");
    FileLock.acquire(file, folder).close();
    assertThat(file).doesNotExist();
  }
}
