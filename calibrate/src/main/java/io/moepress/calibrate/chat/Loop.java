package io.moepress.calibrate.chat;

import com.hubspot.jinjava.util.ForLoop;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The variable `loop` inside a loop; Jinjava's own, which `break` and `continue` need, with the
/// names that Jinja gives its properties.
final class Loop extends ForLoop {
  private final List<?> items;

  Loop(List<?> items) {
    super(items.iterator(), items.size());
    this.items = items;
  }

  @Nullable Object property(String name) {
    int index = getIndex0();
    return switch (name) {
      case "index" -> (long) index + 1;
      case "index0" -> (long) index;
      case "revindex" -> (long) items.size() - index;
      case "revindex0" -> (long) items.size() - index - 1;
      case "first" -> index == 0;
      case "last" -> index == items.size() - 1;
      case "length" -> (long) items.size();
      case "previtem" -> index > 0 ? items.get(index - 1) : null;
      case "nextitem" -> index + 1 < items.size() ? items.get(index + 1) : null;
      default ->
          throw new TemplateException("\"loop." + name + "\" is not supported in chat templates");
    };
  }
}
