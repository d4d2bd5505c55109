package io.moepress.cli;

/// What the process says to the one that started it.
final class ExitCode {
  /// Done.
  static final int DONE = 0;

  /// Something failed; a message says what.
  static final int FAILED = 1;

  /// Wrong usage, or a recipe with a mistake.
  static final int USAGE = 2;

  /// Everything was done, and the result misses a quality gate.
  static final int GATE_MISSED = 3;

  private ExitCode() {}
}
