package io.moepress.calibrate.chat;

import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Values as Python writes them: `str(value)` of a text is the text itself, of anything else its
/// `repr`.
final class PythonText {
  private PythonText() {}

  /// A value in a text; a missing one is nothing.
  static String of(@Nullable Object value) {
    if (value == null || value instanceof CharSequence) {
      return value == null ? "" : value.toString();
    }
    LimitedText text = new LimitedText();
    write(text, value);
    return text.toString();
  }

  private static void write(LimitedText text, @Nullable Object value) {
    switch (value) {
      case null -> text.append("None");
      case Boolean flag -> text.append(flag ? "True" : "False");
      case CharSequence characters -> text.append(quoted(characters.toString()));
      case Character character -> text.append(quoted(character.toString()));
      case List<?> list -> {
        text.append("[");
        for (Iterator<?> items = list.iterator(); items.hasNext(); ) {
          write(text, items.next());
          text.append(items.hasNext() ? ", " : "");
        }
        text.append("]");
      }
      case Map<?, ?> map -> {
        text.append("{");
        for (Iterator<? extends Map.Entry<?, ?>> entries = map.entrySet().iterator();
            entries.hasNext(); ) {
          Map.Entry<?, ?> entry = entries.next();
          write(text, entry.getKey());
          text.append(": ");
          write(text, entry.getValue());
          text.append(entries.hasNext() ? ", " : "");
        }
        text.append("}");
      }
      default -> text.append(value.toString());
    }
  }

  private static String quoted(String text) {
    char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
    String escaped =
        text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t");
    return quote + (quote == '\'' ? escaped.replace("'", "\\'") : escaped) + quote;
  }
}
