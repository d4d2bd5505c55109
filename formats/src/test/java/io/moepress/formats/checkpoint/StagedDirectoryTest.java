package io.moepress.formats.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.Refusal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StagedDirectoryTest {
  @TempDir private Path folder;
  private Path target;

  @BeforeEach
  void place() {
    target = folder.resolve("out");
  }

  @Test
  void directoryAppearsWhenItIsComplete() throws IOException {
    try (StagedDirectory stage = StagedDirectory.create(target, false)) {
      fill(stage);
      assertThat(target).doesNotExist();
      stage.commit();
      assertThat(target.resolve("sub/file")).hasContent("new");
    }
    assertThat(children()).containsExactly("out");
  }

  @Test
  void parentsAreMade() throws IOException {
    target = folder.resolve("a/b/out");
    try (StagedDirectory stage = StagedDirectory.create(target, false)) {
      fill(stage);
      stage.commit();
    }
    assertThat(target.resolve("sub/file")).hasContent("new");
  }

  @Test
  void failureLeavesNothingBehind() {
    assertThatExceptionOfType(IOException.class)
        .isThrownBy(() -> {
          try (StagedDirectory stage = StagedDirectory.create(target, false)) {
            fill(stage);
            throw new IOException("disk full");
          }
        })
        .withMessage("disk full");
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void failureLeavesTheOldDirectoryAlone() throws IOException {
    old();
    try (StagedDirectory stage = StagedDirectory.create(target, true)) {
      fill(stage);
    }
    assertThat(target.resolve("old")).hasContent("old");
    assertThat(children()).containsExactly("out");
  }

  @Test
  void oldDirectoryIsReplacedAsAWhole() throws IOException {
    old();
    try (StagedDirectory stage = StagedDirectory.create(target, true)) {
      fill(stage);
      assertThat(target.resolve("old")).exists();
      stage.commit();
    }
    assertThat(target.resolve("sub/file")).hasContent("new");
    assertThat(target.resolve("old")).doesNotExist();
    assertThat(children()).containsExactly("out");
  }

  @Test
  void oldDirectoryComesBackWhenTheNewOneIsGone() throws IOException {
    old();
    try (StagedDirectory stage = StagedDirectory.create(target, true)) {
      Files.delete(stage.path());
      assertThatExceptionOfType(NoSuchFileException.class).isThrownBy(stage::commit);
    }
    assertThat(target.resolve("old")).hasContent("old");
    assertThat(children()).containsExactly("out");
  }

  @Test
  void emptyDirectoryMayBeFilled() throws IOException {
    Files.createDirectory(target);
    try (StagedDirectory stage = StagedDirectory.create(target, false)) {
      fill(stage);
      stage.commit();
    }
    assertThat(target.resolve("sub/file")).hasContent("new");
    assertThat(children()).containsExactly("out");
  }

  @Test
  void fullDirectoryIsNotReplacedUnasked() throws IOException {
    old();
    String refusal =
        target
            + ": the output exists and is not empty. Choose another directory, or add --overwrite.";
    assertThat(Refusal.of(() -> StagedDirectory.create(target, false).close())).isEqualTo(refusal);
    assertThat(Refusal.of(() -> StagedDirectory.requireFree(target, false))).isEqualTo(refusal);
    assertThat(target.resolve("old")).hasContent("old");
    assertThat(children()).containsExactly("out");
  }

  @Test
  void directoryFilledMeanwhileIsNotReplacedUnasked() throws IOException {
    try (StagedDirectory stage = StagedDirectory.create(target, false)) {
      fill(stage);
      old();
      assertThat(Refusal.of(stage::commit)).contains("the output exists and is not empty");
    }
    assertThat(target.resolve("old")).hasContent("old");
    assertThat(children()).containsExactly("out");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void fileIsNeverReplaced(boolean overwrite) throws IOException {
    Files.writeString(target, "precious");
    assertThat(Refusal.of(() -> StagedDirectory.create(target, overwrite).close()))
        .isEqualTo(target + ": the output is a file (expected a new directory)");
    assertThat(target).hasContent("precious");
  }

  @Test
  void remainsOfAKilledRunAreCleared() throws IOException {
    Files.createDirectory(target);
    for (String remains : List.of("out.partial", "out.replaced")) {
      Files.createDirectories(folder.resolve(remains).resolve("deep/er"));
      Files.writeString(folder.resolve(remains).resolve("deep/stale"), "stale");
    }
    try (StagedDirectory stage = StagedDirectory.create(target, false)) {
      assertThat(stage.path()).isEmptyDirectory();
      fill(stage);
      stage.commit();
    }
    assertThat(children()).containsExactly("out");
    assertThat(target.resolve("deep")).doesNotExist();
  }

  @Test
  void anOutputThatAKilledRunHadPutAsideComesBack() throws IOException {
    Path aside = Files.createDirectory(folder.resolve("out.replaced"));
    Files.writeString(aside.resolve("old"), "old");

    assertThat(Refusal.of(() -> StagedDirectory.create(target, false).close()))
        .contains("the output exists and is not empty");
    assertThat(target.resolve("old")).hasContent("old");
    assertThat(children()).containsExactly("out");
  }

  @Test
  void twoRunsDoNotFillOneDirectory() throws IOException {
    try (StagedDirectory stage = StagedDirectory.create(target, false)) {
      fill(stage);
      assertThat(Refusal.of(() -> StagedDirectory.create(target, false).close()))
          .isEqualTo(
              target
                  + ": another moepress is at work there (process "
                  + ProcessHandle.current().pid()
                  + "). Wait until it ends, or choose another place.");
      stage.commit();
    }
    assertThat(target.resolve("sub/file")).hasContent("new");
    assertThat(children()).containsExactly("out");
  }

  @Test
  void lockOfAKilledRunBarsNobody() throws IOException {
    Files.writeString(folder.resolve("out.lock"), "process 1\n");
    StagedDirectory.create(target, false).close();
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void resumedRunFindsWhatWasFinished() throws IOException {
    try (StagedDirectory stage = StagedDirectory.resume(target, false)) {
      Files.writeString(stage.path().resolve("first"), "1");
    }
    assertThat(children()).containsExactly("out.partial");

    try (StagedDirectory stage = StagedDirectory.resume(target, false)) {
      assertThat(stage.path().resolve("first")).hasContent("1");
      Files.writeString(stage.path().resolve("second"), "2");
      stage.commit();
    }
    assertThat(target).isDirectoryContaining("glob:**/first");
    assertThat(target).isDirectoryContaining("glob:**/second");
    assertThat(children()).containsExactly("out");
  }

  @Test
  void remainsMayBeALinkAndItsTargetStays() throws IOException {
    Path elsewhere = Files.createDirectory(folder.resolve("elsewhere"));
    Files.writeString(elsewhere.resolve("file"), "precious");
    Files.createSymbolicLink(folder.resolve("out.partial"), elsewhere);
    try (StagedDirectory stage = StagedDirectory.create(target, false)) {
      fill(stage);
      stage.commit();
    }
    assertThat(elsewhere.resolve("file")).hasContent("precious");
    assertThat(children()).containsExactly("elsewhere", "out");
  }

  @Test
  void rootIsNoPlaceForAnOutput() {
    Path root = folder.getRoot();
    assertThat(Refusal.of(() -> StagedDirectory.create(root, true).close()))
        .isEqualTo(root + ": not a place for an output directory");
  }

  private void old() throws IOException {
    Files.createDirectories(target);
    Files.writeString(target.resolve("old"), "old");
  }

  private static void fill(StagedDirectory stage) throws IOException {
    Files.createDirectory(stage.path().resolve("sub"));
    Files.writeString(stage.path().resolve("sub/file"), "new");
  }

  private List<String> children() throws IOException {
    try (Stream<Path> list = Files.list(folder)) {
      return list.map(folder::relativize).map(Path::toString).sorted().toList();
    }
  }
}
