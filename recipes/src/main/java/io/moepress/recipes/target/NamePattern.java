package io.moepress.recipes.target;

import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Finds layer and expert in the name of a tensor.
///
/// @param pattern of names, with the groups `layer` and `expert` where names have such a number
record NamePattern(Pattern pattern) {
  private static final String LAYER = "layer";
  private static final String EXPERT = "expert";
  private static final String NUMBER = "(0|[1-9][0-9]{0,8})";

  /// Understands a name with `{layer}` and `{expert}` as place holders.
  static NamePattern of(String template) {
    String text =
        Pattern.quote(template)
            .replace("{layer}", "\\E(?<" + LAYER + ">" + NUMBER + ")\\Q")
            .replace("{expert}", "\\E(?<" + EXPERT + ">" + NUMBER + ")\\Q");
    return new NamePattern(Pattern.compile(text));
  }

  /// The place that a name stands for; null when it is no name of this kind.
  @Nullable TensorId match(TensorRole role, String name) {
    Matcher matcher = pattern.matcher(name);
    return matcher.matches()
        ? new TensorId(role, number(matcher, LAYER), number(matcher, EXPERT))
        : null;
  }

  private static int number(Matcher matcher, String group) {
    return matcher.namedGroups().containsKey(group)
        ? Integer.parseInt(matcher.group(group))
        : TensorId.NONE;
  }
}
