package io.moepress.calibrate.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.calibrate.corpus.Corpora;
import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.torch.Torch;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OutputHeadTest {
  private static final int VOCABULARY = 32;
  private static final int TOKENS = 5;

  @TempDir private Path folder = Path.of("");

  /// A row of the head has 4 bytes for each hidden dimension; parts are of whole rows, one at
  /// least.
  @ParameterizedTest
  @CsvSource({"1, 32, false", "7, 5, false", "7, 5, true", "32, 1, true", "1000, 1, false"})
  void partsOfTheHeadGiveTheLogitsOfAllOfIt(int rows, int parts, boolean tied) throws IOException {
    TinyMoe moe = TinyMoe.qwen3();
    if (tied) {
      moe.tied();
    }
    Corpus corpus = Corpora.of(Corpora.random(1, VOCABULARY, TOKENS));
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe.write(folder));
        Workers workers = new Workers(1);
        TorchScope scope = Torch.scope()) {
      MoeModel model = MoeModel.of(checkpoint);
      ForwardPass pass = new ForwardPass(model, PassResources.inMemory(workers, Progress.SILENT));
      try (HiddenStates hidden = pass.run("test", corpus, MoePass.Observer.NONE);
          OutputHead head = new OutputHead(model)) {
        float[] whole =
            TorchScope.values(head.logits(scope, hidden, 0, TOKENS)).toArray(JAVA_FLOAT);
        List<float[]> given = new ArrayList<>();
        long bytes = (long) rows * hidden.width() * Float.BYTES;

        OutputHead.inParts(model, hidden, TOKENS, bytes, given::add);

        assertThat(given).hasSize(parts);
        assertThat(whole).hasSize(TOKENS * VOCABULARY);
        for (int part = 0; part < parts; part++) {
          requireSame(given.get(part), whole, part * rows);
        }
      }
    }
  }

  private static void requireSame(float[] part, float[] whole, int first) {
    int entries = part.length / TOKENS;
    for (int token = 0; token < TOKENS; token++) {
      for (int entry = 0; entry < entries; entry++) {
        assertThat(part[token * entries + entry])
            .isCloseTo(whole[token * VOCABULARY + first + entry], Offset.offset(1e-5f));
      }
    }
  }
}
