package io.moepress.calibrate.chat;

/// A text under construction that refuses to grow beyond what any honest template makes. A few
/// nested lists can stand for more text than there is memory.
final class LimitedText {
  /// The longest text a template may make, in UTF-16 code units.
  static final int LONGEST = 1 << 22;

  private final StringBuilder text = new StringBuilder();

  LimitedText append(String more) {
    Deadline.check();
    require(text.length() + (long) more.length());
    text.append(more);
    return this;
  }

  /// Refuses a length that is too large.
  static void require(long length) {
    if (length > LONGEST) {
      throw new TemplateException("a text of more than " + LONGEST + " characters");
    }
  }

  @Override
  public String toString() {
    return text.toString();
  }
}
