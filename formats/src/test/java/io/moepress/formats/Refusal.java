package io.moepress.formats;

import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/// What a reader says about a broken file.
public final class Refusal {
  private Refusal() {}

  /// The message of the [FormatException] that `call` must throw.
  public static String of(ThrowingCallable call) {
    return String.valueOf(
        assertThatExceptionOfType(FormatException.class).isThrownBy(call).actual().getMessage());
  }
}
