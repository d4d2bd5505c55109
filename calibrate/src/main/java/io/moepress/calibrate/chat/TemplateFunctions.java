package io.moepress.calibrate.chat;

import com.google.errorprone.annotations.DoNotCall;
import com.hubspot.jinjava.objects.date.StrftimeFormatter;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// The functions of chat templates. Public because Jinjava calls them by reflection.
public final class TemplateFunctions {
  /// What templates take for now. A text that changes with the day would make results that cannot
  /// be had again.
  static final ZonedDateTime NOW = ZonedDateTime.of(2025, 1, 1, 0, 0, 0, 0, ZoneOffset.UTC);

  private TemplateFunctions() {}

  /// Whether Python takes a value for true.
  public static boolean truth(@Nullable Object value) {
    Deadline.check();
    return switch (value) {
      case null -> false;
      case PythonNone _ -> false;
      case Boolean flag -> flag;
      case Number number -> number.doubleValue() != 0;
      case CharSequence text -> !text.isEmpty();
      case Collection<?> items -> !items.isEmpty();
      case Map<?, ?> map -> !map.isEmpty();
      default -> !value.toString().isEmpty();
    };
  }

  /// A value as Python writes it into a text.
  public static Object text(@Nullable Object value) {
    Deadline.check();
    return PythonText.of(value);
  }

  /// Whether Python takes two values for equal: numbers by value, texts by their characters.
  public static boolean equal(@Nullable Object left, @Nullable Object right) {
    Deadline.check();
    if (left instanceof CharSequence && right instanceof CharSequence) {
      return left.toString().contentEquals(right.toString());
    }
    if (left instanceof List<?> some && right instanceof List<?> others) {
      return some.size() == others.size()
          && IntStream.range(0, some.size()).allMatch(i -> equal(some.get(i), others.get(i)));
    }
    if (left instanceof Map<?, ?> some && right instanceof Map<?, ?> others) {
      return some.keySet().equals(others.keySet())
          && some.keySet().stream().allMatch(key -> equal(some.get(key), others.get(key)));
    }
    boolean numbers = isNumber(left) && isNumber(right);
    return numbers ? number(left) == number(right) : Objects.equals(left, right);
  }

  private static boolean isNumber(@Nullable Object value) {
    return value instanceof Number || value instanceof Boolean;
  }

  private static double number(@Nullable Object value) {
    return switch (value) {
      case Number number -> number.doubleValue();
      case Boolean flag -> flag ? 1 : 0;
      case null, default -> Double.NaN;
    };
  }

  /// Refuses the conversation.
  @DoNotCall("for templates")
  public static Object refuse(@Nullable Object message) {
    throw new TemplateException("the template refuses the conversation: " + message);
  }

  /// The date on which templates are rendered, 1 January 2025.
  public static String now(@Nullable Object format) {
    return StrftimeFormatter.format(NOW, String.valueOf(format));
  }
}
