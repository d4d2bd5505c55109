package io.moepress.calibrate.chat;

import io.moepress.formats.Words;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The methods of Python's texts, lists and maps that chat templates use. None changes what it is
/// called on.
final class PythonMethods {
  private PythonMethods() {}

  /// Calls a method.
  ///
  /// @throws TemplateException when there is none of this name, or its arguments are wrong
  static @Nullable Object call(@Nullable Object base, String method, List<Object> arguments) {
    Object result =
        switch (base) {
          case CharSequence text -> ofText(text.toString(), method, arguments);
          case Map<?, ?> map -> ofMap(map, method, arguments);
          case List<?> list -> ofList(list, method, arguments);
          case null, default -> UNKNOWN;
        };
    if (Objects.equals(result, UNKNOWN)) {
      throw new TemplateException(
          "the method "
              + Words.quoted(method)
              + " of "
              + kind(base)
              + " is not supported in chat templates");
    }
    return result;
  }

  /// Stands for: there is no such method.
  private static final Object UNKNOWN = new Object();

  private static String kind(@Nullable Object base) {
    return switch (base) {
      case null -> "an undefined value";
      case CharSequence text -> "a text";
      case Map<?, ?> map -> "a map";
      case List<?> list -> "a list";
      default -> "a value";
    };
  }

  private static Object ofText(String text, String method, List<Object> arguments) {
    return switch (method) {
      case "strip" -> strip(text, arguments, true, true);
      case "lstrip" -> strip(text, arguments, true, false);
      case "rstrip" -> strip(text, arguments, false, true);
      case "startswith" -> affixes(arguments).stream().anyMatch(text::startsWith);
      case "endswith" -> affixes(arguments).stream().anyMatch(text::endsWith);
      case "removeprefix" -> {
        String prefix = text(arguments, 0);
        yield text.startsWith(prefix) ? text.substring(prefix.length()) : text;
      }
      case "removesuffix" -> {
        String suffix = text(arguments, 0);
        yield text.endsWith(suffix) ? text.substring(0, text.length() - suffix.length()) : text;
      }
      case "split" -> split(text, arguments);
      case "splitlines" -> text.lines().toList();
      case "replace" -> replaced(text, text(arguments, 0), text(arguments, 1));
      case "lower" -> text.toLowerCase(Locale.ROOT);
      case "upper" -> text.toUpperCase(Locale.ROOT);
      case "capitalize" -> capitalised(text);
      case "title" -> title(text);
      case "find" -> text.indexOf(text(arguments, 0));
      case "count" -> count(text, text(arguments, 0));
      case "join" -> joined(text, list(arguments));
      case "isdigit" -> !text.isEmpty() && text.chars().allMatch(Character::isDigit);
      case "py_slice" -> slicedText(text, arguments);
      default -> UNKNOWN;
    };
  }

  private static @Nullable Object ofMap(Map<?, ?> map, String method, List<Object> arguments) {
    return switch (method) {
      case "get" -> {
        Object value = map.get(text(arguments, 0));
        Object otherwise = arguments.size() > 1 ? arguments.get(1) : PythonNone.NONE;
        yield value == null ? otherwise : value;
      }
      case "items" -> items(map);
      case "keys" -> new ArrayList<>(map.keySet());
      case "values" -> new ArrayList<>(map.values());
      default -> UNKNOWN;
    };
  }

  /// Pairs of key and value.
  static List<List<Object>> items(Map<?, ?> map) {
    List<List<Object>> items = new ArrayList<>();
    map.forEach((key, value) -> items.add(Arrays.asList(key, value)));
    return items;
  }

  private static Object ofList(List<?> list, String method, List<Object> arguments) {
    return switch (method) {
      case "count" -> (int) list.stream().filter(arguments.getFirst()::equals).count();
      case "index" -> list.indexOf(arguments.getFirst());
      case "py_slice" -> slicedIndices(list.size(), arguments).stream().map(list::get).toList();
      default -> UNKNOWN;
    };
  }

  private static String strip(String text, List<Object> arguments, boolean start, boolean end) {
    String set = arguments.isEmpty() ? null : text(arguments, 0);
    int from = 0;
    int to = text.length();
    while (start && from < to && isStripped(text.charAt(from), set)) {
      from++;
    }
    while (end && from < to && isStripped(text.charAt(to - 1), set)) {
      to--;
    }
    return text.substring(from, to);
  }

  private static boolean isStripped(char c, @Nullable String set) {
    return set == null
        ? Character.isWhitespace(c) || Character.isSpaceChar(c)
        : set.indexOf(c) >= 0;
  }

  /// One text, or several in a tuple.
  private static List<String> affixes(List<Object> arguments) {
    return !arguments.isEmpty() && arguments.getFirst() instanceof List<?> several
        ? several.stream().map(Object::toString).toList()
        : List.of(text(arguments, 0));
  }

  private static List<String> split(String text, List<Object> arguments) {
    int limit = arguments.size() > 1 ? number(arguments, 1) : -1;
    if (arguments.isEmpty() || isNone(arguments.getFirst())) {
      String stripped = text.strip();
      return stripped.isEmpty() ? List.of() : List.of(stripped.split("\\s+"));
    }
    String separator = text(arguments, 0);
    if (separator.isEmpty()) {
      throw new TemplateException("split: an empty separator");
    }
    List<String> parts = new ArrayList<>();
    int from = 0;
    for (int at = text.indexOf(separator);
        at >= 0 && (limit < 0 || parts.size() < limit);
        at = text.indexOf(separator, from)) {
      parts.add(text.substring(from, at));
      from = at + separator.length();
    }
    parts.add(text.substring(from));
    return parts;
  }

  private static String capitalised(String text) {
    if (text.isEmpty()) {
      return text;
    }
    int first = text.offsetByCodePoints(0, 1);
    return text.substring(0, first).toUpperCase(Locale.ROOT)
        + text.substring(first).toLowerCase(Locale.ROOT);
  }

  private static String title(String text) {
    StringBuilder title = new StringBuilder();
    boolean inside = false;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      title.append(inside ? Character.toLowerCase(c) : Character.toTitleCase(c));
      inside = Character.isLetter(c);
    }
    return title.toString();
  }

  private static int count(String text, String part) {
    if (part.isEmpty()) {
      return text.codePointCount(0, text.length()) + 1;
    }
    int count = 0;
    for (int at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length())) {
      count++;
    }
    return count;
  }

  private static String replaced(String text, String old, String with) {
    LimitedText.require(text.length() + (long) count(text, old) * with.length());
    return text.replace(old, with);
  }

  /// Items with a separator between them.
  static String joined(String separator, List<?> items) {
    LimitedText joined = new LimitedText();
    for (int i = 0; i < items.size(); i++) {
      joined.append(i == 0 ? "" : separator).append(PythonText.of(items.get(i)));
    }
    return joined.toString();
  }

  private static List<?> list(List<Object> arguments) {
    if (!arguments.isEmpty() && arguments.getFirst() instanceof List<?> items) {
      return items;
    }
    throw new TemplateException("a method lacks a list as its argument");
  }

  private static String slicedText(String text, List<Object> arguments) {
    int[] points = text.codePoints().toArray();
    StringBuilder slice = new StringBuilder();
    slicedIndices(points.length, arguments).forEach(index -> slice.appendCodePoint(points[index]));
    return slice.toString();
  }

  /// The indices of a slice, by Python's rules for `[from:to:step]`.
  private static List<Integer> slicedIndices(int size, List<Object> arguments) {
    int step = isNone(arguments.get(2)) ? 1 : number(arguments, 2);
    if (step == 0) {
      throw new TemplateException("a slice with step 0");
    }
    int first = step > 0 ? 0 : -1;
    int last = step > 0 ? size : size - 1;
    int from = bound(arguments, 0, size, step > 0 ? first : last, first, last);
    int to = bound(arguments, 1, size, step > 0 ? last : first, first, last);
    List<Integer> indices = new ArrayList<>();
    for (long i = from; step > 0 ? i < to : i > to; i += step) {
      indices.add((int) i);
    }
    return indices;
  }

  private static int bound(
      List<Object> arguments, int index, int size, int absent, int first, int last) {
    if (isNone(arguments.get(index))) {
      return absent;
    }
    long bound = number(arguments, index);
    return Math.clamp(bound < 0 ? bound + size : bound, first, last);
  }

  private static boolean isNone(@Nullable Object value) {
    return value == null || value == PythonNone.NONE;
  }

  private static String text(List<Object> arguments, int index) {
    if (index < arguments.size() && arguments.get(index) instanceof CharSequence text) {
      return text.toString();
    }
    throw new TemplateException("a method lacks a text as its argument " + (index + 1));
  }

  private static int number(List<Object> arguments, int index) {
    if (Objects.requireNonNull(arguments.get(index)) instanceof Number number
        && number.longValue() == number.intValue()) {
      return number.intValue();
    }
    throw new TemplateException("a method lacks a whole number as its argument " + (index + 1));
  }
}
