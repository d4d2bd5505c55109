package io.moepress.formats.gguf;

import java.util.EnumMap;
import java.util.Map;
import java.util.TreeMap;

/// A type for some matrices by their names.
///
/// @param label what to call it
/// @param types by the names of tensors
/// @param others the types of all others
/// @param fileType the number of the type that most weights have
public record ChosenTypes(String label, Map<String, GgufType> types, TypeRule others, long fileType)
    implements TypeRule {
  public ChosenTypes {
    types = Map.copyOf(new TreeMap<>(types));
  }

  /// Of a choice for nearly all matrices the type that most of their weights have; others have it,
  /// too.
  ///
  /// @param by what has chosen
  /// @param weights of each type
  public static ChosenTypes most(
      String by, Map<String, GgufType> types, Map<GgufType, Long> weights) {
    GgufType most = GgufType.Q8_0;
    for (Map.Entry<GgufType, Long> entry : new EnumMap<>(weights).entrySet()) {
      most = entry.getValue() > weights.getOrDefault(most, 0L) ? entry.getKey() : most;
    }
    return new ChosenTypes(
        by + ", most " + most, types, TypeRule.all(most), GgufTypes.fileType(most));
  }

  @Override
  public GgufType wanted(GgufTensor tensor) {
    GgufType type = types.get(tensor.name());
    return type == null ? others.wanted(tensor) : type;
  }
}
