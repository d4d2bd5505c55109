package io.moepress.recipes.apply;

import static io.moepress.recipes.plan.SamplePlans.keep;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.apply.Applier.Output;
import io.moepress.recipes.lowering.LoweredPlan;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.SamplePlans;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A run that stops after some bytes, and the run after it.
class ResumedApplyTest {
  private static final List<KeepExperts> HALF = List.of(keep(0, 4, 1, 3), keep(1, 4, 0, 2));
  private static final List<KeepExperts> OTHER = List.of(keep(0, 4, 1, 3), keep(1, 4, 1, 2));
  private static final ByteSize SHARD = ByteSize.parse("8KB");

  @TempDir private Path folder;
  private Path source;
  private Path output;
  private final List<String> notes = new ArrayList<>();

  @BeforeEach
  void writeSource() throws IOException {
    source = folder.resolve("source");
    output = folder.resolve("output");
    TinyMoe.qwen3().write(source);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 3000, 6000, 9000, 12_000, 15_000})
  void aRunThatGoesOnEndsInTheSameBytes(long bytes) throws IOException {
    stop(HALF, bytes);
    assertThat(output).doesNotExist();

    apply(HALF, output, new Stopper(Long.MAX_VALUE));

    assertSameAsUninterrupted(HALF);
  }

  @Test
  void finishedFilesAreKept() throws IOException {
    stop(HALF, 9000);
    Path first = file("output.partial", "model-00001-of-*.safetensors");
    Object before = Files.readAttributes(first, "unix:ino").get("ino");

    apply(HALF, output, new Stopper(Long.MAX_VALUE));

    Path kept = file("output", "model-00001-of-*.safetensors");
    assertThat(Files.readAttributes(kept, "unix:ino").get("ino")).isEqualTo(before);
    assertThat(notes)
        .anyMatch(
            note -> note.matches("writing: [1-9] of [0-9]+ files were finished before .*: kept"));
  }

  @Test
  void filesThatAnotherPlanMakesDifferentlyAreWrittenAnew() throws IOException {
    stop(HALF, 15_000);

    apply(OTHER, output, new Stopper(Long.MAX_VALUE));

    assertSameAsUninterrupted(OTHER);
    assertThat(notes).anyMatch(note -> note.contains("of another plan: written anew"));
    assertThat(notes).anyMatch(note -> note.contains("were finished before"));
  }

  @Test
  void aFinishedFileThatWasChangedIsWrittenAnew() throws IOException {
    stop(HALF, 9000);
    Path first = file("output.partial", "model-00001-of-*.safetensors");
    byte[] bytes = Files.readAllBytes(first);
    bytes[bytes.length - 1] ^= 1;
    Files.write(first, bytes);

    apply(HALF, output, new Stopper(Long.MAX_VALUE));

    assertSameAsUninterrupted(HALF);
  }

  @Test
  void notesThatAreCutShortCountForNothing() throws IOException {
    stop(HALF, 9000);
    Files.writeString(file("output.partial/finished", "model-00001-of-*.json"), "{\"ma");

    apply(HALF, output, new Stopper(Long.MAX_VALUE));

    assertSameAsUninterrupted(HALF);
  }

  @Test
  void aFinishedOutputIsRecognised() throws IOException {
    apply(HALF, output, new Stopper(Long.MAX_VALUE));

    assertThat(isWritten(HALF, SHARD)).isTrue();
    assertThat(isWritten(OTHER, SHARD)).as("another plan").isFalse();
    assertThat(isWritten(HALF, ByteSize.parse("1GB"))).as("other files").isFalse();
  }

  @Test
  void anIncompleteOutputIsNot() throws IOException {
    assertThat(isWritten(HALF, SHARD)).as("none").isFalse();
    apply(HALF, output, new Stopper(Long.MAX_VALUE));
    Files.delete(file("output", "model-00002-of-*.safetensors"));
    assertThat(isWritten(HALF, SHARD)).as("a file missing").isFalse();
  }

  private Path file(String directory, String glob) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder.resolve(directory), glob)) {
      return files.iterator().next();
    }
  }

  private boolean isWritten(List<KeepExperts> steps, ByteSize shard) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(source);
        Workers workers = new Workers(1)) {
      return new Applier(checkpoint, workers, Progress.SILENT)
          .findWritten(
              SamplePlans.plan(steps),
              Tiny.lower(checkpoint, steps),
              new Output(output, false, shard))
          .isPresent();
    }
  }

  @Test
  void anOutputWithOtherSideFilesIsNot() throws IOException {
    apply(HALF, output, new Stopper(Long.MAX_VALUE));
    Files.writeString(source.resolve("chat_template.jinja"), "mended");
    assertThat(isWritten(HALF, SHARD)).isFalse();
  }

  private void stop(List<KeepExperts> steps, long bytes) {
    assertThatExceptionOfType(UncheckedIOException.class)
        .isThrownBy(() -> apply(steps, output, new Stopper(bytes)));
  }

  private void apply(List<KeepExperts> steps, Path directory, Progress progress)
      throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(source);
        Workers workers = new Workers(1)) {
      Plan plan = SamplePlans.plan(steps);
      LoweredPlan lowered = Tiny.lower(checkpoint, steps);
      new Applier(checkpoint, workers, progress)
          .apply(plan, lowered, new Output(directory, false, SHARD));
    }
  }

  private void assertSameAsUninterrupted(List<KeepExperts> steps) throws IOException {
    Path reference = folder.resolve("reference");
    apply(steps, reference, Progress.SILENT);
    assertThat(files(output)).isEqualTo(files(reference));
    assertThat(folder.resolve("output.partial")).doesNotExist();
  }

  private static SortedMap<String, String> files(Path directory) throws IOException {
    SortedMap<String, String> digests = new TreeMap<>();
    try (Stream<Path> walk = Files.walk(directory)) {
      for (Path file : walk.filter(Files::isRegularFile).toList()) {
        digests.put(
            directory.relativize(file).toString(),
            io.moepress.formats.checkpoint.Fingerprint.ofFile(file));
      }
    }
    return digests;
  }

  /// Stops the run by an exception as soon as so many bytes are written.
  private final class Stopper implements Progress {
    private long left;

    Stopper(long bytes) {
      this.left = bytes;
    }

    @Override
    public void note(String text) {
      notes.add(text);
    }

    @Override
    public Task begin(String title, long total, String unit) {
      return new Task() {
        @Override
        public void advance(long steps) {
          left -= steps;
          if (left < 0) {
            throw new UncheckedIOException(new IOException("stopped"));
          }
        }

        @Override
        public void close() {}
      };
    }
  }
}
