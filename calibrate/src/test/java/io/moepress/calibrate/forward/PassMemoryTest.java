package io.moepress.calibrate.forward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.work.MemoryBudget;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PassMemoryTest {
  private static final long MIB = 1L << 20;
  private static final PassMemory NEED = new PassMemory(100 * MIB, 50 * MIB, 1000 * MIB, 10 * MIB);

  @TempDir private Path folder;

  @Test
  void withRoomEverythingStaysInMemory() {
    assertThat(fit(100 + 5 * 50 + 1000 + 10, 4)).isEqualTo(new PassMemory.Fit(4, false));
  }

  @Test
  void statesLeaveFirst() {
    assertThat(fit(100 + 5 * 50 + 1000 + 9, 4)).isEqualTo(new PassMemory.Fit(4, true));
  }

  @Test
  void thenThereAreFewerJobs() {
    assertThat(fit(100 + 5 * 50 + 9, 4)).isEqualTo(new PassMemory.Fit(3, true));
    assertThat(fit(100 + 2 * 50 + 10, 4)).isEqualTo(new PassMemory.Fit(1, true));
  }

  @Test
  void whatDoesNotFitAtAllIsRefused() {
    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> fit(100 + 2 * 50 + 9, 4))
        .withMessageContaining("a forward pass needs at least")
        .withMessageContaining("max-tokens");
  }

  private static PassMemory.Fit fit(long mebibytes, int threads) {
    return NEED.fit(new MemoryBudget(MemoryBudget.PROGRAM + mebibytes * MIB), threads);
  }

  @Test
  void moreLayersOrExpertsNeedNoMore() throws IOException {
    assertThat(need(TinyMoe.qwen3().layers(7).experts(4)))
        .isEqualTo(need(TinyMoe.qwen3().layers(2).experts(4)));
    PassMemory many = need(TinyMoe.qwen3().experts(16));
    PassMemory few = need(TinyMoe.qwen3().experts(4));
    assertThat(many.job()).isEqualTo(few.job());
    assertThat(many.states()).isEqualTo(few.states());
    assertThat(many.layer() - few.layer()).as("router rows").isEqualTo(4L * 12 * 16);
  }

  @Test
  void statesGrowWithTheTexts() throws IOException {
    assertThat(need(TinyMoe.qwen3()).states()).isEqualTo(3L * 1000 * 16 * Float.BYTES);
  }

  private PassMemory need(TinyMoe moe) throws IOException {
    Path model = folder.resolve("model" + System.nanoTime());
    moe.write(model);
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(model)) {
      return PassMemory.of(MoeModel.of(checkpoint), 1000, 100);
    }
  }
}
