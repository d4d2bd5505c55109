package io.moepress.formats.json;

import io.moepress.formats.FormatException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/// Edits the text of a JSON object key by key: order, spacing and the spelling of numbers stay as
/// they were, so that the difference between source and result is the edit alone.
public final class JsonEdit {
  private final String text;
  private final List<Property> properties = new ArrayList<>();
  private final int end;

  /// One property at the top level, as positions in the text.
  private record Property(String key, int keyStart, int valueStart, int valueEnd) {}

  private JsonEdit(String text) {
    this.text = text;
    try (JsonParser parser = Json.mapper().createParser(text)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new FormatException("not a JSON object");
      }
      while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
        String key = parser.currentName();
        int keyStart = offset(parser.currentTokenLocation().getCharOffset());
        parser.nextToken();
        int valueStart = offset(parser.currentTokenLocation().getCharOffset());
        if (parser.currentToken().isStructStart()) {
          parser.skipChildren();
        } else {
          parser.getString(); // Jackson reads scalars lazily; this moves past the value
        }
        int valueEnd = offset(parser.currentLocation().getCharOffset());
        properties.add(new Property(key, keyStart, valueStart, valueEnd));
      }
      end = offset(parser.currentTokenLocation().getCharOffset());
    } catch (JacksonException e) {
      throw new FormatException("not valid JSON: " + e.getOriginalMessage(), e);
    }
  }

  private static int offset(long characters) {
    return Math.toIntExact(characters);
  }

  /// Sets `key` to the JSON text `value`: in place where the key stands, else at the end.
  public static String set(String text, String key, String value) {
    return set(text, List.of(key), value);
  }

  /// Sets the last key of `path`, in the object that the keys before it lead to, to the JSON text
  /// `value`: in place where the key stands, else at the end of that object.
  ///
  /// @throws FormatException when the path leads through something that is no object
  public static String set(String text, List<String> path, String value) {
    JsonEdit edit = new JsonEdit(text);
    String key = path.getFirst();
    Optional<Property> found =
        edit.properties.stream().filter(property -> property.key().equals(key)).findFirst();
    if (path.size() > 1) {
      String inner = found.map(edit::value).orElse("{}");
      String changed = set(inner, path.subList(1, path.size()), value);
      return found.isPresent() ? edit.replace(found.get(), changed) : edit.append(key, changed);
    }
    return found.isPresent() ? edit.replace(found.get(), value) : edit.append(key, value);
  }

  private String value(Property property) {
    return text.substring(property.valueStart(), property.valueEnd());
  }

  private String replace(Property property, String value) {
    return text.substring(0, property.valueStart())
        + value
        + trailing(property)
        + text.substring(property.valueEnd());
  }

  /// Numbers at the end of input may swallow the white space behind them; keep it.
  private String trailing(Property property) {
    String value = value(property);
    return value.substring(value.stripTrailing().length());
  }

  private String append(String key, String value) {
    String entry = Json.mapper().writeValueAsString(key) + ": " + value;
    if (properties.isEmpty()) {
      return text.substring(0, end) + entry + text.substring(end);
    }
    Property last = properties.getLast();
    int valueEnd = last.valueEnd() - trailing(last).length();
    return text.substring(0, valueEnd) + "," + lead(last) + entry + text.substring(valueEnd);
  }

  /// White space in front of the last key, which a new key copies.
  private String lead(Property property) {
    String before = text.substring(0, property.keyStart());
    return before.substring(before.stripTrailing().length());
  }
}
