package io.moepress.calibrate.corpus;

import io.moepress.formats.Checks;

/// One text as token ids, which attends to itself only.
///
/// @param domain index of the [Domain] it belongs to
/// @param ids token ids, at least one; not copied
public record TokenSequence(int domain, int[] ids) {

  public TokenSequence {
    Checks.require(ids.length > 0, "a sequence without tokens");
  }

  /// Number of tokens.
  public int length() {
    return ids.length;
  }
}
