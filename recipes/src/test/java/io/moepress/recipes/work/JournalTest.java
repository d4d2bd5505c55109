package io.moepress.recipes.work;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.Checks;
import io.moepress.recipes.work.Journal.Stage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JournalTest {
  private static final Journal LAST =
      Journal.begin("sha256:model", "recipe").planned("sha256:evidence", "sha256:plan");

  @TempDir private Path folder;

  @Test
  void theSameRunChangesNothing() {
    assertThat(LAST.changesSince(LAST)).isEmpty();
  }

  @Test
  void everyChangeIsSaid() {
    assertThat(Journal.begin("sha256:other", "recipe").changesSince(LAST))
        .containsExactly("the checkpoint has changed since the last run: everything is made anew");
    assertThat(Journal.begin("sha256:model", "other").changesSince(LAST))
        .containsExactly(
            "the recipe has changed since the last run: what does not depend on the change is kept");
    assertThat(LAST.planned("sha256:evidence", "sha256:other").changesSince(LAST))
        .containsExactly(
            "the plan is another one than in the last run: the output is written anew");
  }

  @Test
  void theNextRunReadsWhatTheLastOneWrote() throws IOException {
    try (WorkDirectory work = WorkDirectory.open(folder.resolve("work"))) {
      assertThat(Journal.last(work)).isEmpty();
      LAST.at(Stage.WRITTEN).write(work);
      assertThat(Journal.last(work)).contains(LAST.at(Stage.WRITTEN));
      Files.writeString(work.file("journal.json"), "{\"formatVersion\": 99}");
      assertThat(Journal.last(work)).as("of another version").isEmpty();
    }
  }

  @Test
  void aWorkDirectoryInUseIsRefused() throws IOException {
    Path path = folder.resolve("work");
    try (WorkDirectory work = WorkDirectory.open(path)) {
      assertThat(work.path()).isEqualTo(path);
      assertThat(refusal(path))
          .isEqualTo(
              Checks.text(
                  "%s: another moepress is at work there (process %d). Wait until it ends, or choose"
                      + " another place.",
                  path, ProcessHandle.current().pid()));
    }
    assertThat(path).as("nothing was kept").doesNotExist();
  }

  private static String refusal(Path path) throws IOException {
    try (WorkDirectory second = WorkDirectory.open(path)) {
      return "opened " + second.path();
    } catch (io.moepress.formats.FormatException e) {
      return String.valueOf(e.getMessage());
    }
  }
}
