package io.moepress.testdata;

import java.util.List;
import java.util.stream.Stream;

/// The attack corpus of a safetensors reader: one small file per way to be wrong, and the legal
/// files that look wrong.
///
/// Each broken file breaks one rule and is otherwise in order, so that a reader which forgot the
/// rule accepts it. The format's own library (safetensors 0.8.0) refuses all but four: a repeated
/// name with the range of the first, an empty name, a name of a megabyte, and an entry written as a
/// list. It accepts all of [#legal()].
public final class BrokenSafetensors {

  /// A file and what its refusal has to say.
  ///
  /// @param name what is wrong with it, fit for the name of a test
  /// @param bytes the whole file, not copied
  /// @param expectedMessagePart a phrase of the message, to be looked for in the message in lower
  ///   case; empty for a legal file
  @SuppressWarnings("ArrayRecordComponent") // never compared
  public record Attack(String name, byte[] bytes, String expectedMessagePart) {

    @Override
    public String toString() {
      return name;
    }
  }

  private BrokenSafetensors() {}

  /// Files that must be refused.
  public static List<Attack> all() {
    return Stream.of(
            BrokenHeaders.lengths(),
            BrokenHeaders.encodings(),
            BrokenHeaders.structures(),
            BrokenHeaders.metadata(),
            BrokenTensors.ranges(),
            BrokenTensors.offsets(),
            BrokenTensors.shapes(),
            BrokenTensors.dtypes(),
            BrokenTensors.names(),
            BrokenTensors.entries())
        .flatMap(List::stream)
        .toList();
  }

  /// Files that must be accepted.
  public static List<Attack> legal() {
    return OddSafetensors.all();
  }
}
