package io.moepress.formats;

import com.google.errorprone.annotations.FormatMethod;
import com.google.errorprone.annotations.FormatString;

/// A file is not what it claims to be. The message says where, what was found, what was expected
/// and, where there is one, the way out. Much of it comes from the file of a stranger, so that
/// control characters are shown as `?`.
public final class FormatException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /// Makes an exception with a finished message.
  public FormatException(String message) {
    super(Words.printable(message));
  }

  /// Makes an exception with a finished message and what led to it.
  public FormatException(String message, Throwable cause) {
    super(Words.printable(message), cause);
  }

  /// Makes an exception from a template.
  @FormatMethod
  public static FormatException of(@FormatString String template, Object... args) {
    return new FormatException(Checks.text(template, args));
  }
}
