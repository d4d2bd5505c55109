package io.moepress.calibrate.chat;

/// A chat template cannot be used, or refuses a conversation. The message says what was found and
/// expected, without the file.
final class TemplateException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  TemplateException(String message) {
    super(message);
  }

  /// A problem on a line, counted from 1.
  TemplateException(int line, String message) {
    super("line " + line + ": " + message);
  }
}
