package io.moepress.formats.lowprecision;

import com.google.re2j.Pattern;
import com.google.re2j.PatternSyntaxException;
import io.moepress.formats.FormatException;
import io.moepress.formats.Words;
import java.util.ArrayList;
import java.util.List;

/// Layers as a configuration lists them: by name, by `re:` with a pattern that matches the
/// beginning of a name, or by their class, of which `Linear` is known.
///
/// Patterns come from strangers, so they are matched in linear time (RE2); one that needs more is
/// refused.
///
/// @param listed the list as it is written
/// @param patterns the patterns of the list, in their order
public record LayerNames(List<String> listed, List<Pattern> patterns) {
  /// What stands in front of a pattern.
  public static final String REGEX = "re:";

  private static final String LINEAR = "Linear";
  private static final int LONGEST_PATTERN = 512;
  private static final int MOST_BRACKETS = 32;

  public LayerNames {
    listed = List.copyOf(listed);
    patterns = List.copyOf(patterns);
  }

  /// Reads a list.
  ///
  /// @throws FormatException for a pattern that cannot be matched
  public static LayerNames of(List<String> listed) {
    List<Pattern> patterns = new ArrayList<>();
    for (String target : listed) {
      if (target.startsWith(REGEX)) {
        patterns.add(pattern(target.substring(REGEX.length())));
      }
    }
    return new LayerNames(listed, patterns);
  }

  /// Matching takes linear time whatever the pattern, but making one ready may not.
  static Pattern pattern(String text) {
    long groups = text.chars().filter(each -> each == '(').count();
    if (text.length() > LONGEST_PATTERN || groups > MOST_BRACKETS || text.indexOf('{') >= 0) {
      throw FormatException.of(
          "config.json: %s: target %s is no name (expected a pattern of at most %d characters, with at"
              + " most %d brackets and no counted repeats)",
          SourceScheme.KEY, Words.quoted(text), LONGEST_PATTERN, MOST_BRACKETS);
    }
    try {
      return Pattern.compile(text);
    } catch (PatternSyntaxException e) {
      throw FormatException.of(
          "config.json: %s: target %s cannot be matched: %s",
          SourceScheme.KEY, Words.quoted(text), e.getDescription());
    }
  }

  /// Whether a layer is listed, by its name or by a pattern.
  public boolean names(String layer) {
    return listed.contains(layer)
        || patterns.stream().anyMatch(pattern -> pattern.matcher(layer).lookingAt());
  }

  /// Whether all linear layers are listed, by their class.
  public boolean namesClass() {
    return listed.contains(LINEAR);
  }
}
