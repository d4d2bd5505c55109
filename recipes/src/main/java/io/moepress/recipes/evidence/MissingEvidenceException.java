package io.moepress.recipes.evidence;

/// A method asked for a statistic that the evidence does not hold.
public final class MissingEvidenceException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /// Says what is missing and how to get it.
  public MissingEvidenceException(String message) {
    super(message);
  }
}
