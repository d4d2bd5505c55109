package io.moepress.calibrate.forward;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.Domain;
import io.moepress.calibrate.corpus.TokenSequence;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HiddenStatesTest {
  private static final Corpus CORPUS =
      new Corpus(
          List.of(new Domain("d", "f", "")),
          List.of(
              new TokenSequence(0, new int[] {1, 5, 7, 9, 30, 2}),
              new TokenSequence(0, new int[] {4, 4, 11})));

  @TempDir private Path folder;

  @Test
  void aPassWithStatesInAFileGivesTheSameBits() throws IOException {
    TinyMoe.qwen3().layers(3).write(folder.resolve("model"));

    assertThat(run(folder)).isEqualTo(run(null));
  }

  private float[] run(@Nullable Path spill) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(folder.resolve("model"));
        Workers workers = new Workers(2);
        HiddenStates states =
            new ForwardPass(
                    MoeModel.of(checkpoint), new PassResources(workers, Progress.SILENT, spill))
                .run("test", CORPUS, MoePass.Observer.NONE)) {
      return states.rows(0, CORPUS.tokens()).toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  @Test
  void aFileOfStatesHasNoName() throws IOException {
    try (HiddenStates states = HiddenStates.inFile(3, 5, folder)) {
      assertThat(folder).isEmptyDirectory();
      assertThat(states.rows(0, 3).isMapped()).isTrue();
    }
  }

  @Test
  void rowsThatRestKeepTheirValues() throws IOException {
    try (HiddenStates states = HiddenStates.inFile(3000, 7, folder)) {
      MemorySegment row = states.row(1234);
      row.setAtIndex(ValueLayout.JAVA_FLOAT, 6, 42f);
      states.rest();
      assertThat(states.row(1234).getAtIndex(ValueLayout.JAVA_FLOAT, 6)).isEqualTo(42f);
      states.clear();
      assertThat(states.row(1234).getAtIndex(ValueLayout.JAVA_FLOAT, 6)).isZero();
    }
  }

  @Test
  void whatIsWrittenComesBack() throws IOException {
    Path file = folder.resolve("states");
    try (HiddenStates states = HiddenStates.inMemory(3, 5);
        HiddenStates copy = HiddenStates.inMemory(3, 5)) {
      for (int i = 0; i < 15; i++) {
        states.rows(0, 3).setAtIndex(ValueLayout.JAVA_FLOAT, i, i + 0.5f);
      }
      try (FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
        states.writeTo(channel);
      }
      assertThat(Files.size(file)).isEqualTo(60);
      try (FileChannel channel = FileChannel.open(file)) {
        copy.readFrom(channel);
      }
      assertThat(copy.rows(0, 3).mismatch(states.rows(0, 3))).isEqualTo(-1);
    }
  }
}
