package io.moepress.calibrate.corpus;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/// Corpora made up for a test.
public final class Corpora {
  private Corpora() {}

  /// A corpus of one domain.
  public static Corpus of(int[]... sequences) {
    return of(List.of(sequences));
  }

  /// A corpus of several domains, `domain 0` and so on.
  @SafeVarargs
  public static Corpus of(List<int[]>... domains) {
    List<Domain> named = new ArrayList<>();
    List<TokenSequence> sequences = new ArrayList<>();
    for (List<int[]> domain : domains) {
      int index = named.size();
      named.add(new Domain("domain " + index, "test", "sha256:" + index));
      domain.forEach(ids -> sequences.add(new TokenSequence(index, ids)));
    }
    return new Corpus(named, sequences);
  }

  /// Random token ids.
  public static List<int[]> random(long seed, int vocabulary, int... lengths) {
    SplittableRandom random = new SplittableRandom(seed);
    return Arrays.stream(lengths)
        .mapToObj(length -> random.ints(length, 0, vocabulary).toArray())
        .toList();
  }

  /// One after the other.
  public static List<int[]> join(List<int[]> first, List<int[]> second) {
    return Stream.concat(first.stream(), second.stream()).toList();
  }
}
