package io.moepress.formats.architecture;

import io.moepress.formats.architecture.Architecture.MultiTokenPrediction;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// The layers for multi-token prediction, which stand behind the last of the main model.
///
/// @param pattern what names of their tensors begin with, a group for the number; null where the
///   family knows no such layers
/// @param first number of the first
/// @param count how many there are
record PredictionLayers(@Nullable Pattern pattern, int first, double count) {

  static PredictionLayers of(ModelLayout layout) {
    MultiTokenPrediction extra = layout.architecture().multiTokenPrediction();
    if (extra == null) {
      return new PredictionLayers(null, 0, 0);
    }
    String numbered = Pattern.quote(extra.prefix()).replace("{layer}", "\\E(\\d{1,9})\\Q");
    double count = layout.number("config." + extra.countKey()).orElse(0);
    return new PredictionLayers(Pattern.compile(numbered), layout.layers(), count);
  }

  /// The layer whose tensor has this name; nothing when it is of none of them.
  OptionalInt number(String name) {
    if (pattern == null || count == 0) {
      return OptionalInt.empty();
    }
    Matcher matcher = pattern.matcher(name);
    int layer = matcher.lookingAt() ? Integer.parseInt(matcher.group(1)) : -1;
    return layer >= first && layer < first + count ? OptionalInt.of(layer) : OptionalInt.empty();
  }
}
