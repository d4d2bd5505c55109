package io.moepress.calibrate.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.moepress.calibrate.forward.MoePass.OutputSums;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// All experts on the same tokens, in blocks.
class EveryExpertTest {
  private static final int TOKENS = 13;
  private static final int HIDDEN = 16;

  @TempDir Path folder;

  /// A product of other rows at a time may be rounded otherwise in float32.
  @ParameterizedTest
  @ValueSource(ints = {1, 4, 12, 13, 14})
  void blocksAddUp(int block) throws IOException {
    OutputSums whole = sums(every(), 1000);
    OutputSums parts = sums(every(), block);

    for (int expert = 0; expert < whole.sums().length; expert++) {
      assertThat(parts.sums()[expert]).containsExactly(whole.sums()[expert], within(1e-5));
      assertThat(parts.cosines()[expert]).containsExactly(whole.cosines()[expert], within(1e-5));
      assertThat(whole.cosines()[expert][expert]).isCloseTo(TOKENS, within(1e-5));
    }
  }

  @Test
  void onlyTheTokensAskedForCount() throws IOException {
    OutputSums all = sums(every(), 4);
    OutputSums even = sums(IntStream.range(0, TOKENS).filter(t -> t % 2 == 0).toArray(), 4);
    OutputSums odd = sums(IntStream.range(0, TOKENS).filter(t -> t % 2 == 1).toArray(), 4);

    for (int expert = 0; expert < all.sums().length; expert++) {
      for (int i = 0; i < all.sums()[expert].length; i++) {
        assertThat(even.sums()[expert][i] + odd.sums()[expert][i])
            .isCloseTo(all.sums()[expert][i], within(1e-5));
      }
    }
    assertThat(even.cosines()[0][0]).isCloseTo(7, within(1e-5));
  }

  /// An input of zeros gives outputs of zeros, which have no direction.
  @Test
  void anOutputOfZeroIsLikeNone() throws IOException {
    OutputSums sums = sums(new int[] {TOKENS}, 4);

    assertThat(sums.sums()[0]).containsOnly(0);
    assertThat(sums.cosines()[0]).containsOnly(0);
  }

  /// Outputs of a block of tokens are in memory, and never more than the limit.
  @Test
  void memoryGrowsWithTheTokensUpToALimit() {
    ModelLayout layout =
        ModelLayout.of(ModelConfig.parse(TinyMoe.qwen3().hidden(HIDDEN).experts(5).configJson()));

    assertThat(EveryExpert.bytes(layout, 3)).isEqualTo(3L * 5 * HIDDEN * Float.BYTES);
    assertThat(EveryExpert.bytes(layout, Long.MAX_VALUE))
        .isEqualTo(ExpertRunner.tokensPerBlock(layout) * 5L * HIDDEN * Float.BYTES);

    ModelLayout wide =
        ModelLayout.of(ModelConfig.parse(TinyMoe.qwen3().hidden(8192).experts(256).configJson()));
    assertThat(EveryExpert.bytes(wide, Long.MAX_VALUE))
        .isEqualTo(EveryExpert.BLOCK_BYTES); // 8 MiB a token
  }

  private static int[] every() {
    return IntStream.range(0, TOKENS).toArray();
  }

  private OutputSums sums(int[] tokens, int block) throws IOException {
    TinyMoe moe = TinyMoe.qwen3().hidden(HIDDEN).experts(5);
    Path directory = folder.resolve("model-" + block + "-" + tokens.length);
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe.write(directory));
        HiddenStates inputs = HiddenStates.inMemory(TOKENS + 1, HIDDEN);
        Workers workers = new Workers(2)) {
      SplittableRandom random = new SplittableRandom(5);
      for (int i = 0; i < TOKENS * HIDDEN; i++) {
        inputs.rows(0, TOKENS).setAtIndex(JAVA_FLOAT, i, (float) random.nextDouble(-2, 2));
      }
      BlockLoader blocks = new BlockLoader(MoeModel.of(checkpoint));
      return new EveryExpert(1, blocks, workers, block).over(inputs, tokens);
    }
  }
}
