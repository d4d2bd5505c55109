package io.moepress.calibrate.evaluate;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.Domain;
import io.moepress.calibrate.corpus.TokenSequence;
import io.moepress.calibrate.forward.ForwardPass;
import io.moepress.calibrate.forward.HiddenStates;
import io.moepress.calibrate.forward.MoePass;
import io.moepress.calibrate.forward.OutputHead;
import io.moepress.calibrate.forward.PassMemory;
import io.moepress.calibrate.forward.PassResources;
import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.recipes.verify.Verifier.Check;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/// Lets a checkpoint read a few tokens: does it calculate at all, and with finite numbers?
public final class TinyForward {
  private static final int TOKENS = 16;

  private TinyForward() {}

  /// What the check needs of memory: a pass over few tokens, then a part of the output head.
  public static PassMemory memory(MoeModel model) {
    return PassMemory.of(model, TOKENS, TOKENS).orHead(model);
  }

  /// Runs the model on the first token ids of its vocabulary.
  public static Check check(MoeModel model, Workers workers) throws IOException {
    int vocabulary = model.layout().dimension(Dimension.VOCABULARY);
    int[] ids = IntStream.range(0, Math.min(TOKENS, vocabulary)).toArray();
    Corpus corpus =
        new Corpus(List.of(new Domain("verify", "", "")), List.of(new TokenSequence(0, ids)));
    try (HiddenStates hidden =
        new ForwardPass(model, PassResources.inMemory(workers, Progress.SILENT))
            .run("verifying", corpus, MoePass.Observer.NONE)) {
      List<Boolean> parts = new ArrayList<>();
      OutputHead.inParts(model, hidden, ids.length, logits -> parts.add(areFinite(logits)));
      boolean finite = !parts.contains(false);
      return new Check(
          "tiny forward",
          finite,
          Checks.text("%d tokens, %s logits", ids.length, finite ? "finite" : "non-finite"));
    } catch (FormatException e) {
      return new Check("tiny forward", false, String.valueOf(e.getMessage()));
    }
  }

  private static boolean areFinite(float[] logits) {
    return IntStream.range(0, logits.length).allMatch(i -> Float.isFinite(logits[i]));
  }
}
