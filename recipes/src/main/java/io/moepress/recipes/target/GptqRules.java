package io.moepress.recipes.target;

import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.lowprecision.GptqTensors;
import io.moepress.recipes.target.QuantizedTensors.Linear;
import java.util.List;
import tools.jackson.databind.JsonNode;

/// Rules about weights in the layout of GPTQ.
final class GptqRules {
  static final Rule GPTQ_EXCEPTIONS =
      QuantizationRules.ofQuantized(
          "gptq-exceptions",
          "a checkpoint in the layout of GPTQ has one scheme for all linear layers, and no `dynamic`",
          "takes that scheme for all layers",
          GptqRules::exceptions);

  static final Rule GPTQ_EXPERTS =
      QuantizationRules.ofQuantized(
              "gptq-experts",
              "experts are not in the layout of GPTQ",
              "stacks experts when it loads, and was not seen to do so with this layout",
              quantized ->
                  QuantizationRules.named(
                      quantized.codec() instanceof GptqTensors
                          ? QuantizationRules.ofRole(
                              quantized, TensorRole::isExpert, Linear::isPacked)
                          : List.of(),
                      "in the layout of GPTQ",
                      "compressed-tensors",
                      "Use \"storage: compressed-tensors\"."))
          .as(Severity.WARNING);

  static final Rule GPTQ_ZERO_POINTS =
      QuantizationRules.ofQuantized(
              "gptq-zero-points",
              "weights in the layout of GPTQ are symmetric",
              "has slower and less exact kernels for zero points, and none for some experts",
              quantized ->
                  QuantizationRules.named(
                      quantized.codec() instanceof GptqTensors
                          ? QuantizationRules.linears(
                              quantized,
                              linear -> linear.scheme().filter(it -> !it.isSymmetric()).isPresent())
                          : List.of(),
                      "with zero points",
                      "symmetric weights",
                      "Quantise symmetrically."))
          .as(Severity.WARNING);

  private GptqRules() {}

  private static List<Violation> exceptions(QuantizedTensors quantized) {
    JsonNode dynamic = quantized.config().path("dynamic");
    return quantized.codec() instanceof GptqTensors && !dynamic.isEmpty()
        ? QuantizationRules.named(
            List.copyOf(dynamic.propertyNames()),
            "in \"dynamic\"",
            "no exceptions",
            "Use \"storage: compressed-tensors\".")
        : List.of();
  }
}
