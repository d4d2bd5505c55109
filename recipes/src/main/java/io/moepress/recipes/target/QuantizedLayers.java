package io.moepress.recipes.target;

import io.moepress.formats.Words;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.recipes.plan.BitChoice;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.QuantizeOptions;
import io.moepress.recipes.plan.QuantizedStorage;
import java.util.List;
import java.util.Optional;

/// Which quantised weights runtimes load.
public final class QuantizedLayers {
  /// What the kernels of vLLM and SGLang have for weights in `pack-quantized`.
  static final List<Integer> KERNEL_BITS = List.of(4, 8);

  /// What transformers was seen to load.
  static final List<Integer> TRANSFORMERS_BITS = List.of(2, 3, 4, 8);

  private QuantizedLayers() {}

  /// `2, 3, 4 or 8`.
  static String words(List<Integer> widths) {
    return Words.or(widths.stream().map(String::valueOf).toList());
  }

  /// Makes sure that a target loads what options ask for.
  ///
  /// @throws PlanMismatchException when it does not
  public static void require(Target target, QuantizeOptions options, QuantizedStorage storage) {
    if (storage == QuantizedStorage.DECODED) {
      return;
    }
    List<Integer> widths =
        options.bits().map(BitChoice::widths).orElse(List.of(options.experts().bits()));
    widths.forEach(bits -> requireBits(target, options.experts().withBits(bits)));
    options.others().ifPresent(scheme -> requireBits(target, scheme));
  }

  private static void requireBits(Target target, IntegerScheme scheme) {
    Optional<List<Integer>> known =
        switch (target) {
          case TRANSFORMERS -> Optional.of(TRANSFORMERS_BITS);
          case VLLM, SGLANG -> Optional.of(KERNEL_BITS);
          case LLAMA_CPP -> Optional.of(List.of());
          case RESEARCH -> Optional.empty();
        };
    if (known.isEmpty() || known.get().contains(scheme.bits())) {
      return;
    }
    if (target == Target.LLAMA_CPP) {
      throw new PlanMismatchException(
          "target llama.cpp: it reads GGUF files only. Quantise with \"moepress convert\","
              + " or use \"storage: decoded\".");
    }
    throw new PlanMismatchException(
        "scheme: %s: %s loads integer weights of %s bits. Use one of them, or \"target: research\".",
        scheme, target.label(), known.get());
  }
}
