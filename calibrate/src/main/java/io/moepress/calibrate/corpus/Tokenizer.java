package io.moepress.calibrate.corpus;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/// The tokenizer of a checkpoint, from its `tokenizer.json`. Special tokens are added as its
/// post-processor says, but not to a text that has them already; nothing is cut or padded.
public final class Tokenizer implements AutoCloseable {
  private static final String FILE = "tokenizer.json";

  private final HuggingFaceTokenizer tokenizer;

  private Tokenizer(HuggingFaceTokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  /// Opens the tokenizer of a checkpoint directory.
  ///
  /// @throws FormatException when the directory has none, or one that cannot be read
  public static Tokenizer open(Path checkpoint) throws IOException {
    Path file = checkpoint.resolve(FILE);
    Checks.requireFormat(
        Files.isRegularFile(file),
        "%s: no %s to turn texts into token ids. Give token ids instead, as JSON lines"
            + " {\"input_ids\": [...]}.",
        checkpoint,
        FILE);
    System.setProperty("ai.djl.offline", "true");
    System.setProperty("OPT_OUT_TRACKING", "true");
    try {
      return new Tokenizer(
          HuggingFaceTokenizer.builder()
              .optTokenizerPath(file)
              .optTruncation(false)
              .optPadding(false)
              .build());
    } catch (RuntimeException e) { // what the native library throws for a file it cannot read
      throw new FormatException(file + ": not a tokenizer: " + e.getMessage(), e);
    }
  }

  /// The token ids of a text, special tokens added.
  public int[] encode(String text) {
    return ids(text, true);
  }

  /// The token ids of a text that has its special tokens already.
  public int[] encodeComplete(String text) {
    return ids(text, false);
  }

  private int[] ids(String text, boolean addSpecialTokens) {
    long[] ids = tokenizer.encode(text, addSpecialTokens, false).getIds();
    return Arrays.stream(ids).mapToInt(Math::toIntExact).toArray();
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}
