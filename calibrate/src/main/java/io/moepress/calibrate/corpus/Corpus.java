package io.moepress.calibrate.corpus;

import io.moepress.formats.Checks;
import io.moepress.formats.checkpoint.Fingerprint;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.List;

/// Token sequences in a fixed order, grouped by domain.
///
/// @param domains where the sequences come from
/// @param sequences the sequences, domain by domain
public record Corpus(List<Domain> domains, List<TokenSequence> sequences) {

  public Corpus {
    domains = List.copyOf(domains);
    sequences = List.copyOf(sequences);
    Checks.require(!sequences.isEmpty(), "an empty corpus");
  }

  /// Number of tokens of all sequences.
  public int tokens() {
    return sequences.stream().mapToInt(TokenSequence::length).reduce(0, Math::addExact);
  }

  /// Index of each sequence's first token in the corpus.
  public int[] starts() {
    int[] starts = new int[sequences.size()];
    for (int i = 1; i < starts.length; i++) {
      starts[i] = starts[i - 1] + sequences.get(i - 1).length();
    }
    return starts;
  }

  /// The domain of each token, `[tokens]`.
  public int[] domainOfTokens() {
    int[] result = new int[tokens()];
    int next = 0;
    for (TokenSequence sequence : sequences) {
      for (int i = 0; i < sequence.length(); i++) {
        result[next++] = sequence.domain();
      }
    }
    return result;
  }

  /// A digest of all token ids, and of where a sequence ends and which domain it belongs to.
  public String digest() {
    MessageDigest digest = Fingerprint.sha256();
    for (TokenSequence sequence : sequences) {
      String text = sequence.domain() + Arrays.toString(sequence.ids());
      digest.update(text.getBytes(StandardCharsets.UTF_8));
    }
    return Fingerprint.format(digest);
  }
}
