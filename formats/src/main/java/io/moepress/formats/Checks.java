package io.moepress.formats;

import com.google.errorprone.annotations.FormatMethod;
import com.google.errorprone.annotations.FormatString;
import java.util.Locale;

/// Checks with messages that read the same in every locale.
public final class Checks {
  private Checks() {}

  /// Throws [IllegalArgumentException] with the formatted message unless `expected` holds.
  @FormatMethod
  public static void require(boolean expected, @FormatString String template, Object... args) {
    if (!expected) {
      throw new IllegalArgumentException(text(template, args));
    }
  }

  /// Throws [FormatException] with the formatted message unless `expected` holds.
  @FormatMethod
  public static void requireFormat(
      boolean expected, @FormatString String template, Object... args) {
    if (!expected) {
      throw new FormatException(text(template, args));
    }
  }

  /// Formats for humans and logs; never for files.
  @FormatMethod
  public static String text(@FormatString String template, Object... args) {
    return String.format(Locale.ROOT, template, args);
  }
}
