package io.moepress.calibrate.chat;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.filter.Filter;
import io.moepress.formats.json.Json;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// `tojson` as chat templates expect it: what Python's `json.dumps` writes, with all characters as
/// they are. The one option is `indent`.
final class ToJsonFilter implements Filter {
  private static final int WIDEST = 16;

  @Override
  public String getName() {
    return "tojson";
  }

  @Override
  public Object filter(
      @Nullable Object value,
      JinjavaInterpreter interpreter,
      Object[] arguments,
      Map<String, Object> named) {
    Object indent = arguments.length > 0 ? arguments[0] : named.get("indent");
    int width = indent instanceof Number number ? number.intValue() : -1;
    if (width > WIDEST) {
      throw new TemplateException("tojson: indent " + width + " (expected at most " + WIDEST + ")");
    }
    LimitedText json = new LimitedText();
    write(json, value, width, 1);
    return json.toString();
  }

  @Override
  public Object filter(
      @Nullable Object value, JinjavaInterpreter interpreter, String... arguments) {
    return filter(value, interpreter, arguments, Map.of());
  }

  private static void write(LimitedText json, @Nullable Object value, int indent, int depth) {
    switch (value) {
      case Map<?, ?> map -> {
        Iterator<? extends Map.Entry<?, ?>> entries = map.entrySet().iterator();
        json.append("{");
        while (entries.hasNext()) {
          Map.Entry<?, ?> entry = entries.next();
          lineBreak(json, indent, depth);
          json.append(quoted(String.valueOf(entry.getKey()))).append(": ");
          write(json, entry.getValue(), indent, depth + 1);
          json.append(entries.hasNext() ? separator(indent) : "");
        }
        end(json, "}", map.isEmpty() ? -1 : indent, depth);
      }
      case List<?> list -> {
        Iterator<?> items = list.iterator();
        json.append("[");
        while (items.hasNext()) {
          lineBreak(json, indent, depth);
          write(json, items.next(), indent, depth + 1);
          json.append(items.hasNext() ? separator(indent) : "");
        }
        end(json, "]", list.isEmpty() ? -1 : indent, depth);
      }
      case CharSequence text -> json.append(quoted(text.toString()));
      case PythonNone _ -> json.append("null");
      case null -> throw new TemplateException("tojson: a missing value");
      default -> json.append(value.toString());
    }
  }

  private static String separator(int indent) {
    return indent < 0 ? ", " : ",";
  }

  private static void lineBreak(LimitedText json, int indent, int depth) {
    if (indent >= 0) {
      json.append("\n").append(" ".repeat(indent * depth));
    }
  }

  private static void end(LimitedText json, String bracket, int indent, int depth) {
    lineBreak(json, indent, depth - 1);
    json.append(bracket);
  }

  private static String quoted(String text) {
    return Json.mapper().writeValueAsString(text);
  }
}
