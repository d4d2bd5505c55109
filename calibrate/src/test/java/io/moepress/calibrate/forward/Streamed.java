package io.moepress.calibrate.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.torch.Torch;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.nio.file.Path;

/// What the streaming forward pass gives.
public final class Streamed {
  private Streamed() {}

  /// The logits of every token of a corpus, `[tokens · vocabulary]`.
  public static float[] logits(Path directory, Corpus corpus, int threads) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(directory)) {
      return logits(checkpoint, corpus, threads);
    }
  }

  /// The logits of every token of a corpus, `[tokens · vocabulary]`.
  public static float[] logits(Checkpoint checkpoint, Corpus corpus, int threads)
      throws IOException {
    MoeModel model = MoeModel.of(checkpoint);
    try (Workers workers = new Workers(threads);
        TorchScope scope = Torch.scope();
        HiddenStates hidden =
            new ForwardPass(model, PassResources.inMemory(workers, Progress.SILENT))
                .run("test", corpus, MoePass.Observer.NONE);
        OutputHead head = new OutputHead(model)) {
      return TorchScope.values(head.logits(scope, hidden, 0, corpus.tokens())).toArray(JAVA_FLOAT);
    }
  }
}
