package io.moepress.quantize;

import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.QuantizeMethod;
import java.util.List;

/// Round to nearest: every weight becomes the nearest value of its group's grid, whose ends are the
/// smallest and the largest weight of the group. It looks at weights alone and needs no texts.
///
/// ```
/// symmetric    s = max |w| / ((2^b - 1) / 2)            q = clamp(round(w / s))
/// asymmetric   s = (max(w, 0) - min(w, 0)) / (2^b - 1)  q = clamp(round(w / s) + z)
/// ```
///
/// The scale is rounded to the type it is stored in before anything is divided by it; see
/// [io.moepress.formats.integer.IntegerGrid].
///
/// Source: what compressed-tensors calls the observer `minmax`.
public record RoundToNearest() implements QuantizeMethod {
  /// What there is to say about it.
  public static final MethodDescription DESCRIPTION =
      new MethodDescription(
          "round-to-nearest",
          "nearest value of a grid from the smallest to the largest weight of the group",
          "Needs no texts and takes as long as copying. Good with 8 bits, usable with 4; below that"
              + " GPTQ.",
          "compressed-tensors, observer minmax",
          "https://github.com/vllm-project/compressed-tensors",
          List.of(),
          "- quantize: {method: round-to-nearest, scheme: W4A16, group-size: 128}");

  @Override
  public String name() {
    return DESCRIPTION.name();
  }
}
