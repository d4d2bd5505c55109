package io.moepress.recipes.target;

import java.util.OptionalInt;

/// One way in which a checkpoint breaks a [Rule].
///
/// @param found what is there
/// @param expected what has to be there instead
/// @param wayOut what to do about it; empty where only another number of experts helps
/// @param wanted the number of experts that was wanted, where another one would help
record Violation(String found, String expected, String wayOut, OptionalInt wanted) {

  /// Something that takes an edit of the checkpoint.
  static Violation of(String found, String expected, String wayOut) {
    return new Violation(found, expected, wayOut, OptionalInt.empty());
  }

  /// Something that another number of experts mends.
  static Violation ofCount(String found, String expected, int wanted) {
    return new Violation(found, expected, "", OptionalInt.of(wanted));
  }
}
