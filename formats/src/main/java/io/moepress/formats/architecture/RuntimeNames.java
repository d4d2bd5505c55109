package io.moepress.formats.architecture;

import java.util.Map;
import java.util.Optional;

/// What runtimes call the projections of an expert when they ask a configuration about them,
/// whatever the checkpoint calls them: `gate_proj`, `up_proj` and `down_proj`, where Mixtral has
/// `w1`, `w3` and `w2`.
public final class RuntimeNames {
  private static final Map<TensorRole, String> PROJECTIONS =
      Map.of(
          TensorRole.EXPERT_GATE, "gate_proj",
          TensorRole.EXPERT_UP, "up_proj",
          TensorRole.EXPERT_DOWN, "down_proj");

  private RuntimeNames() {}

  /// The last part of the name of a linear layer; nothing where that is no matter of its role.
  public static Optional<String> projection(TensorRole role) {
    return Optional.ofNullable(PROJECTIONS.get(role));
  }

  /// The name of a linear layer as runtimes ask for it.
  ///
  /// @param module its name in the checkpoint, without `.weight`
  public static String of(TensorRole role, String module) {
    return projection(role)
        .map(last -> module.substring(0, module.lastIndexOf('.') + 1) + last)
        .orElse(module);
  }
}
