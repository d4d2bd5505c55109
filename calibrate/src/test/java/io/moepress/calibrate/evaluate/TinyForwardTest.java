package io.moepress.calibrate.evaluate;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.verify.Verifier.Check;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TinyForwardTest {
  private static final String HEAD = "lm_head.weight";

  @TempDir private Path folder = Path.of("");

  @Test
  void aModelThatCalculatesPasses() throws IOException {
    assertThat(check(TinyMoe.qwen3()))
        .isEqualTo(new Check("tiny forward", true, "16 tokens, finite logits"));
  }

  /// Every weight is finite, but the sum over one row of the head is not.
  @Test
  void oneLogitThatOverflowsFails() throws IOException {
    TinyMoe moe = TinyMoe.qwen3();
    float[] head = moe.values(HEAD);
    int width = head.length / 32;
    Arrays.fill(head, 30 * width, 31 * width, Float.MAX_VALUE);

    assertThat(check(moe.with(HEAD, head)))
        .isEqualTo(new Check("tiny forward", false, "16 tokens, non-finite logits"));
  }

  private Check check(TinyMoe moe) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe.write(folder));
        Workers workers = new Workers(1)) {
      return TinyForward.check(MoeModel.of(checkpoint), workers);
    }
  }
}
