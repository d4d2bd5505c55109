package io.moepress.recipes.target;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// The runtime that has to load the output.
///
/// [#RESEARCH] is no runtime: it accepts every plan, also those that no stock runtime loads.
public enum Target {
  /// Hugging Face transformers.
  TRANSFORMERS("transformers"),
  /// vLLM.
  VLLM("vllm"),
  /// SGLang.
  SGLANG("sglang"),
  /// llama.cpp.
  LLAMA_CPP("llama.cpp"),
  /// No stock runtime; everything is accepted.
  RESEARCH("research");

  private final String label;

  Target(String label) {
    this.label = label;
  }

  /// The name in recipes and on the command line.
  public String label() {
    return label;
  }

  /// The target with this [#label()].
  public static Optional<Target> named(String label) {
    return Arrays.stream(values()).filter(target -> target.label.equals(label)).findFirst();
  }

  /// All labels, the default first.
  public static List<String> labels() {
    return Arrays.stream(values()).map(Target::label).toList();
  }
}
