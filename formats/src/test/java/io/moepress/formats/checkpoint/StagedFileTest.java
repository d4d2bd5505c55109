package io.moepress.formats.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.Refusal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StagedFileTest {
  @TempDir private Path folder;

  private List<String> files() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> String.valueOf(file.getFileName())).sorted().toList();
    }
  }

  @Test
  void fileAppearsWhenItIsComplete() throws IOException {
    Path target = folder.resolve("out.gguf");
    try (StagedFile staged = StagedFile.create(target, false)) {
      Files.writeString(staged.path(), "all");
      assertThat(target).doesNotExist();
      staged.commit();
    }
    assertThat(target).hasContent("all");
    assertThat(files()).containsExactly("out.gguf");
  }

  @Test
  void nothingStaysOfAFileThatWasNotCompleted() throws IOException {
    Path target = Files.writeString(folder.resolve("out.gguf"), "old");
    try (StagedFile staged = StagedFile.create(target, true)) {
      Files.writeString(staged.path(), "ne");
    }
    assertThat(target).hasContent("old");
    assertThat(files()).containsExactly("out.gguf");
  }

  @Test
  void fileThatIsThereIsReplacedOnlyOnRequest() throws IOException {
    Path target = Files.writeString(folder.resolve("out.gguf"), "old");
    assertThat(Refusal.of(() -> StagedFile.create(target, false)))
        .isEqualTo(target + ": the output exists. Choose another file, or add --overwrite.");
    try (StagedFile staged = StagedFile.create(target, true)) {
      Files.writeString(staged.path(), "new");
      staged.commit();
    }
    assertThat(target).hasContent("new");
  }

  @Test
  void oneAtATime() throws IOException {
    Path target = folder.resolve("out.gguf");
    try (StagedFile staged = StagedFile.create(target, false)) {
      assertThat(staged.path()).hasFileName("out.gguf.partial");
      assertThat(Refusal.of(() -> StagedFile.create(target, false)))
          .contains("another moepress is at work there");
    }
  }

  @Test
  void aDirectoryIsNotReplaced() {
    assertThat(Refusal.of(() -> StagedFile.create(folder, true)))
        .isEqualTo(folder + ": the output is a directory (expected a new file)");
  }
}
