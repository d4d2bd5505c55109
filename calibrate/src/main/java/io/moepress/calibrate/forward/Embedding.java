package io.moepress.calibrate.forward;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.TokenSequence;
import io.moepress.formats.Checks;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import java.io.IOException;
import java.lang.foreign.Arena;

/// Looks up the rows of the embedding, and only those that the corpus needs.
final class Embedding {
  private Embedding() {}

  /// Writes the embedding of every token to its row of `hidden`.
  static void lookUp(MoeModel model, Corpus corpus, HiddenStates hidden) throws IOException {
    try (Arena mapping = Arena.ofConfined()) {
      TensorData table = model.read(TensorId.ofModel(TensorRole.EMBEDDING), mapping);
      long token = 0;
      for (TokenSequence sequence : corpus.sequences()) {
        for (int id : sequence.ids()) {
          requireKnown(table.info(), id);
          Numbers.widen(table.rows(id, 1), hidden.row(token++));
        }
        hidden.rest(token - sequence.length(), sequence.length());
      }
    }
  }

  private static void requireKnown(TensorInfo table, int id) {
    long vocabulary = table.shape().dimension(0);
    Checks.requireFormat(
        id >= 0 && id < vocabulary,
        "token id %d is outside the model's vocabulary of %d. Do the token ids belong to this model?",
        id,
        vocabulary);
  }
}
