package io.moepress.recipes.target;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.TensorRole;
import java.util.ArrayList;
import java.util.List;

/// What a runtime wants of a checkpoint, checked before any heavy work and again on written output.
///
/// That every layer has the same number of experts, and as many as a token uses, is not asked here:
/// a configuration cannot say anything else, so lowering refuses it for every target.
public final class TargetRules {
  /// llama.cpp's `LLAMA_MAX_EXPERTS`.
  private static final int LLAMA_CPP_MAX_EXPERTS = 512;

  private TargetRules() {}

  /// What a rule has to say.
  ///
  /// @param refusal whether the runtime would not load the checkpoint, or load it wrongly
  /// @param text rule, runtime and way out
  public record Finding(boolean refusal, String text) {}

  /// Checks a model, written or planned.
  public static List<Finding> check(Target target, ModelLayout layout) {
    List<Finding> findings = new ArrayList<>();
    switch (target) {
      case TRANSFORMERS, VLLM, RESEARCH -> {}
      case SGLANG -> checkPowerOfTwo(layout, findings);
      case LLAMA_CPP -> checkCount(layout, findings);
    }
    return findings;
  }

  private static void checkPowerOfTwo(ModelLayout layout, List<Finding> findings) {
    if (layout.has(TensorRole.SELECTION_BIAS) && Integer.bitCount(layout.experts()) != 1) {
      findings.add(
          new Finding(
              false,
              Checks.text(
                  "sglang: %d experts are not a power of two; its fast kernel for biased routing"
                      + " needs one and it falls back to a slower one",
                  layout.experts())));
    }
  }

  private static void checkCount(ModelLayout layout, List<Finding> findings) {
    if (layout.experts() > LLAMA_CPP_MAX_EXPERTS) {
      findings.add(
          new Finding(
              true,
              Checks.text(
                  "llama.cpp: %d experts (expected at most %d). Keep fewer, or choose another target",
                  layout.experts(), LLAMA_CPP_MAX_EXPERTS)));
    }
  }
}
