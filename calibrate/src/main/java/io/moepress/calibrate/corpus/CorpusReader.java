package io.moepress.calibrate.corpus;

import io.moepress.calibrate.chat.ChatTemplate;
import io.moepress.calibrate.chat.ChatTemplateFile;
import io.moepress.calibrate.corpus.Sample.Chat;
import io.moepress.calibrate.corpus.Sample.Question;
import io.moepress.calibrate.corpus.Sample.Text;
import io.moepress.calibrate.corpus.Sample.TokenIds;
import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.recipes.recipe.CalibrationSpec;
import io.moepress.recipes.recipe.CalibrationSpec.Order;
import io.moepress.recipes.recipe.DataSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/// Turns data files into token sequences. Sources of the same name become one domain. The tokenizer
/// is opened only when there is a text, the chat template only when there is a conversation.
public final class CorpusReader implements AutoCloseable {
  private final Path checkpoint;
  private @Nullable Tokenizer tokenizer;
  private @Nullable ChatTemplate template;

  /// Reads for the tokenizer of a checkpoint directory.
  public CorpusReader(Path checkpoint) {
    this.checkpoint = checkpoint;
  }

  /// Reads a calibration corpus for the tokenizer of a checkpoint directory.
  ///
  /// @param seed decides the order when texts are shuffled
  public static Corpus read(Path checkpoint, CalibrationSpec spec, long seed) throws IOException {
    try (CorpusReader reader = new CorpusReader(checkpoint)) {
      return reader.read(spec, seed);
    }
  }

  /// Reads a calibration corpus.
  ///
  /// @param seed decides the order when texts are shuffled
  /// @throws FormatException when a file is malformed or nothing is left to read
  public Corpus read(CalibrationSpec spec, long seed) throws IOException {
    Map<String, List<Share>> byName = new LinkedHashMap<>();
    for (int i = 0; i < spec.data().size(); i++) {
      DataSource source = spec.data().get(i);
      Share share = new Share(source, spec.counts().get(i));
      byName.computeIfAbsent(source.name(), name -> new ArrayList<>()).add(share);
    }
    List<Domain> domains = new ArrayList<>();
    List<TokenSequence> sequences = new ArrayList<>();
    for (Map.Entry<String, List<Share>> entry : byName.entrySet()) {
      List<int[]> texts = new ArrayList<>();
      for (Share share : entry.getValue()) {
        texts.addAll(texts(share, spec, seed));
      }
      int domain = domains.size();
      domains.add(new Domain(entry.getKey(), files(entry.getValue()), digest(texts)));
      texts.forEach(ids -> sequences.add(new TokenSequence(domain, ids)));
    }
    return new Corpus(domains, sequences);
  }

  /// How many samples of a source are taken.
  ///
  /// @param count all if empty
  private record Share(DataSource source, OptionalInt count) {}

  private static String files(List<Share> shares) {
    return String.join(
        " ", shares.stream().map(share -> share.source().file().toString()).toList());
  }

  private List<int[]> texts(Share share, CalibrationSpec spec, long seed) throws IOException {
    Path file = share.source().file();
    List<Sample> samples = new ArrayList<>(samples(file, spec.maxTokens()));
    if (spec.order() == Order.SHUFFLED) {
      Collections.shuffle(samples, new Random(seed));
    }
    int wanted = share.count().orElse(samples.size());
    Checks.requireFormat(
        wanted <= samples.size() || spec.samples().isEmpty(),
        "%s: %d samples (expected %d, its share by weight of the %d samples of the calibration). Ask"
            + " for fewer samples, or give it less weight.",
        file,
        samples.size(),
        wanted,
        spec.samples().orElse(0));
    List<int[]> texts = new ArrayList<>();
    for (Sample sample : samples.subList(0, Math.min(wanted, samples.size()))) {
      int[] ids = ids(sample, file, spec.maxTokens());
      if (ids.length > 0) {
        texts.add(ids);
      }
    }
    if (texts.isEmpty()) {
      throw FormatException.of("%s: no text has a token", file);
    }
    return texts;
  }

  /// The samples of a file, or of all files of a directory. A file of plain text is as many samples
  /// as it has pieces of `maxTokens` tokens, the last one perhaps shorter; special tokens stand
  /// only at the ends of the file.
  ///
  /// @throws FormatException when a file is malformed or there is none
  public List<Sample> samples(Path source, int maxTokens) throws IOException {
    List<Sample> samples = new ArrayList<>();
    for (Path file : DataFiles.of(source)) {
      samples.addAll(
          DataFiles.isText(file)
              ? pieces(SampleFile.text(file), maxTokens)
              : SampleFile.read(file));
    }
    return samples;
  }

  private List<Sample> pieces(String text, int maxTokens) throws IOException {
    int[] ids = encode(text);
    List<Sample> pieces = new ArrayList<>();
    for (int from = 0; from < ids.length; from += Math.min(maxTokens, ids.length - from)) {
      int length = Math.min(maxTokens, ids.length - from);
      pieces.add(new TokenIds(Arrays.copyOfRange(ids, from, from + length)));
    }
    return pieces;
  }

  /// The token ids of a text, cut at `maxTokens`.
  ///
  /// @throws FormatException when the sample is a question, or the template refuses it
  public int[] ids(Sample sample, Path file, int maxTokens) throws IOException {
    int[] ids =
        switch (sample) {
          case Text text -> encode(text.text());
          case Chat chat -> encode(chat);
          case TokenIds tokens -> tokens.ids();
          case Question question ->
              throw FormatException.of(
                  "%s: holds multiple-choice questions (expected texts)", file);
        };
    return ids.length <= maxTokens ? ids : Arrays.copyOf(ids, maxTokens);
  }

  /// The token ids of a text.
  public int[] encode(String text) throws IOException {
    return tokenizer().encode(text);
  }

  /// What the chat template makes of a conversation has its special tokens already.
  private int[] encode(Chat chat) throws IOException {
    if (template == null) {
      template = ChatTemplateFile.open(checkpoint);
    }
    try {
      return tokenizer().encodeComplete(template.render(chat.messages()));
    } catch (FormatException e) {
      throw new FormatException(chat.where() + ": " + e.getMessage(), e);
    }
  }

  private Tokenizer tokenizer() throws IOException {
    if (tokenizer == null) {
      tokenizer = Tokenizer.open(checkpoint);
    }
    return tokenizer;
  }

  /// A digest of token ids and of where a text ends.
  private static String digest(List<int[]> texts) {
    MessageDigest digest = Fingerprint.sha256();
    for (int[] ids : texts) {
      ByteBuffer bytes =
          ByteBuffer.allocate((ids.length + 1) * Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
      bytes.putInt(ids.length);
      for (int id : ids) {
        bytes.putInt(id);
      }
      digest.update(bytes.flip());
    }
    return Fingerprint.format(digest);
  }

  @Override
  public void close() {
    if (tokenizer != null) {
      tokenizer.close();
    }
  }
}
