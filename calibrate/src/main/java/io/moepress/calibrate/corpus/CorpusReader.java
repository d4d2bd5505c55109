package io.moepress.calibrate.corpus;

import io.moepress.calibrate.corpus.Sample.Question;
import io.moepress.calibrate.corpus.Sample.Text;
import io.moepress.calibrate.corpus.Sample.TokenIds;
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
import java.util.Random;
import org.jspecify.annotations.Nullable;

/// Turns data files into token sequences. Sources of the same name become one domain. The tokenizer
/// is opened only when there is a text.
public final class CorpusReader implements AutoCloseable {
  private final Path checkpoint;
  private @Nullable Tokenizer tokenizer;

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
    Map<String, List<DataSource>> byName = new LinkedHashMap<>();
    for (DataSource source : spec.data()) {
      byName.computeIfAbsent(source.name(), name -> new ArrayList<>()).add(source);
    }
    List<Domain> domains = new ArrayList<>();
    List<TokenSequence> sequences = new ArrayList<>();
    for (Map.Entry<String, List<DataSource>> entry : byName.entrySet()) {
      List<int[]> texts = new ArrayList<>();
      for (DataSource source : entry.getValue()) {
        texts.addAll(texts(source, spec, seed));
      }
      int domain = domains.size();
      domains.add(new Domain(entry.getKey(), files(entry.getValue()), digest(texts)));
      texts.forEach(ids -> sequences.add(new TokenSequence(domain, ids)));
    }
    return new Corpus(domains, sequences);
  }

  private static String files(List<DataSource> sources) {
    return String.join(" ", sources.stream().map(source -> source.file().toString()).toList());
  }

  private List<int[]> texts(DataSource source, CalibrationSpec spec, long seed) throws IOException {
    List<Sample> samples = new ArrayList<>(SampleFile.read(source.file()));
    if (spec.order() == Order.SHUFFLED) {
      Collections.shuffle(samples, new Random(seed));
    }
    int count = Math.min(source.samples().orElse(samples.size()), samples.size());
    List<int[]> texts = new ArrayList<>();
    for (Sample sample : samples.subList(0, count)) {
      int[] ids = ids(sample, source.file(), spec.maxTokens());
      if (ids.length > 0) {
        texts.add(ids);
      }
    }
    if (texts.isEmpty()) {
      throw FormatException.of("%s: no text has a token", source.file());
    }
    return texts;
  }

  /// The token ids of a text, cut at `maxTokens`.
  ///
  /// @throws FormatException when the sample is a question
  public int[] ids(Sample sample, Path file, int maxTokens) throws IOException {
    int[] ids =
        switch (sample) {
          case Text text -> encode(text.text());
          case TokenIds tokens -> tokens.ids();
          case Question question ->
              throw FormatException.of(
                  "%s: holds multiple-choice questions (expected texts)", file);
        };
    return ids.length <= maxTokens ? ids : Arrays.copyOf(ids, maxTokens);
  }

  /// The token ids of a text.
  public int[] encode(String text) throws IOException {
    if (tokenizer == null) {
      tokenizer = Tokenizer.open(checkpoint);
    }
    return tokenizer.encode(text);
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
