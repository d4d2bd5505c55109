package io.moepress.recipes.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.gguf.GgufHeader;
import io.moepress.formats.gguf.GgufTensorInfo;
import io.moepress.formats.gguf.GgufTokenizer;
import io.moepress.formats.gguf.GgufType;
import io.moepress.formats.gguf.TypeRule;
import io.moepress.formats.tensor.Shape;
import io.moepress.recipes.gguf.GgufExport.Written;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A conversion that stops after some bytes, and the one after it.
class ResumedExportTest {
  private static final String SOURCE = "sha256:one";

  @TempDir private Path folder = Path.of("");
  private Path source = Path.of("");
  private Path output = Path.of("");
  private byte[] whole = {};

  @BeforeEach
  void convertAtOnce() throws IOException {
    source = TinyMoe.qwen3().hidden(64).expertWidth(32).write(folder.resolve("source"));
    Path once = folder.resolve("once.gguf");
    convert(once, GgufType.Q8_0, SOURCE, Progress.SILENT);
    whole = Files.readAllBytes(once);
    Files.delete(once);
    output = folder.resolve("out.gguf");
  }

  private Written convert(Path file, GgufType type, String name, Progress progress)
      throws IOException {
    GgufTokenizer.Section tokenizer = new GgufTokenizer.Section(Map.of(), List.of());
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(source);
        Workers workers = new Workers(2)) {
      GgufPlan plan =
          GgufPlan.of(MoeModel.of(checkpoint), TypeRule.all(type), tokenizer, "tiny", null);
      return new GgufExport(plan, null, workers, progress).write(file, false, name);
    }
  }

  private void stop(long bytes) {
    assertThatExceptionOfType(UncheckedIOException.class)
        .isThrownBy(() -> convert(output, GgufType.Q8_0, SOURCE, stopping(bytes)));
    assertThat(output).doesNotExist();
  }

  private static Progress stopping(long bytes) {
    return (title, total, unit) ->
        new Progress.Task() {
          private long done;

          @Override
          public void advance(long steps) {
            done += steps;
            if (done >= bytes) {
              throw new UncheckedIOException(new IOException("stopped"));
            }
          }

          @Override
          public void close() {}
        };
  }

  private Path partial() {
    return folder.resolve("out.gguf.partial");
  }

  private void assertComplete() throws IOException {
    assertThat(Files.readAllBytes(output)).isEqualTo(whole);
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files).containsExactlyInAnyOrder(source, output);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {3000, 20_000, 60_000})
  void bytesAreThoseOfARunThatWasNotStopped(long bytes) throws IOException {
    stop(bytes);

    Written written = convert(output, GgufType.Q8_0, SOURCE, Progress.SILENT);

    assertThat(written.finishedBefore()).isPositive();
    assertThat(written.discarded()).isFalse();
    assertThat(written.digest()).isEqualTo(Fingerprint.ofFile(output));
    assertComplete();
  }

  @Test
  void itMayStopAgainAndAgain() throws IOException {
    stop(3000);
    stop(20_000);
    long after = Files.size(partial());
    stop(40_000);

    assertThat(Files.size(partial())).isGreaterThan(after);
    convert(output, GgufType.Q8_0, SOURCE, Progress.SILENT);
    assertComplete();
  }

  /// The first tensor whose bytes are not as they were written, and all behind it, count as
  /// nothing.
  @Test
  void damagedTensorsAreWrittenAgain() throws IOException {
    stop(60_000);
    byte[] bytes = Files.readAllBytes(partial());
    bytes[bytes.length / 2] ^= 1;
    Files.write(partial(), bytes);

    Written written = convert(output, GgufType.Q8_0, SOURCE, Progress.SILENT);

    assertThat(written.finishedBefore()).isPositive();
    assertComplete();
  }

  @Test
  void aFileThatWasCutShortIsGoneOnWith() throws IOException {
    stop(60_000);
    byte[] bytes = Files.readAllBytes(partial());
    Files.write(partial(), Arrays.copyOf(bytes, bytes.length / 2));

    assertThat(convert(output, GgufType.Q8_0, SOURCE, Progress.SILENT).finishedBefore())
        .isPositive();
    assertComplete();
  }

  @Test
  void anotherSourceBeginsAnew() throws IOException {
    stop(60_000);

    Written written = convert(output, GgufType.Q8_0, "sha256:two", Progress.SILENT);

    assertThat(written.finishedBefore()).isZero();
    assertThat(written.discarded()).isTrue();
    assertComplete();
  }

  /// A disk that is too full can be mended, and what was finished is of use then.
  @Test
  void aFullDiskLosesNothing() throws IOException {
    stop(60_000);
    byte[] before = Files.readAllBytes(partial());

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(this::convertMoreThanAnyDiskHolds)
        .withMessageContaining("free");

    assertThat(partial()).hasBinaryContent(before);
    assertThat(convert(output, GgufType.Q8_0, SOURCE, Progress.SILENT).finishedBefore())
        .isPositive();
    assertComplete();
  }

  private void convertMoreThanAnyDiskHolds() throws IOException {
    GgufTokenizer.Section tokenizer = new GgufTokenizer.Section(Map.of(), List.of());
    GgufTensorInfo huge = new GgufTensorInfo("huge", GgufType.F32, Shape.of(1L << 50));
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(source);
        Workers workers = new Workers(1)) {
      GgufPlan plan =
          GgufPlan.of(
              MoeModel.of(checkpoint), TypeRule.all(GgufType.Q8_0), tokenizer, "tiny", null);
      GgufPlan larger =
          new GgufPlan(
              plan.model(),
              plan.rule(),
              plan.tensors(),
              GgufHeader.layOut(Map.of(), List.of(huge)),
              List.of());
      new GgufExport(larger, null, workers, Progress.SILENT).write(output, false, SOURCE);
    }
  }

  @Test
  void anotherTypeBeginsAnew() throws IOException {
    stop(60_000);

    Written written = convert(output, GgufType.Q4_0, SOURCE, Progress.SILENT);

    assertThat(written.finishedBefore()).isZero();
    assertThat(Files.size(output)).isLessThan(whole.length);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{\"made\": 1", "[]"})
  void aNoteThatCannotBeReadCountsAsNone(String text) throws IOException {
    stop(60_000);
    Files.writeString(folder.resolve("out.gguf.partial.json"), text);

    assertThat(convert(output, GgufType.Q8_0, SOURCE, Progress.SILENT).finishedBefore()).isZero();
    assertComplete();
  }
}
