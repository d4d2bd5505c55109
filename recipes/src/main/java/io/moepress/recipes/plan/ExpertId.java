package io.moepress.recipes.plan;

import io.moepress.formats.Checks;
import io.moepress.formats.Words;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// One expert of one layer, written `3:17`: layer 3, expert 17, both counted from 0.
///
/// @param layer the layer of the model, dense layers counted too
/// @param expert the routed expert in the checkpoint the recipe starts from
public record ExpertId(int layer, int expert) implements Comparable<ExpertId> {
  private static final Pattern NOTATION = Pattern.compile("([0-9]{1,9}):([0-9]{1,9})");

  public ExpertId {
    Checks.require(layer >= 0 && expert >= 0, "%d:%d (expected nothing negative)", layer, expert);
  }

  /// Reads `layer:expert`.
  ///
  /// @throws IllegalArgumentException if it is anything else
  public static ExpertId parse(String text) {
    Matcher matcher = NOTATION.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          Words.quoted(text) + " (expected layer:expert such as 3:17)");
    }
    return new ExpertId(Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2)));
  }

  /// By layer, then by expert.
  @Override
  public int compareTo(ExpertId other) {
    int byLayer = Integer.compare(layer, other.layer);
    return byLayer != 0 ? byLayer : Integer.compare(expert, other.expert);
  }

  /// As in a recipe: `3:17`.
  @Override
  public String toString() {
    return layer + ":" + expert;
  }
}
