package io.moepress.formats.gguf;

import java.util.Map;
import java.util.TreeMap;

/// A type for each matrix by its name.
///
/// @param types by the names of tensors
/// @param most the type that most weights have
public record ChosenTypes(Map<String, GgufType> types, GgufType most) implements TypeRule {
  public ChosenTypes {
    types = Map.copyOf(new TreeMap<>(types));
  }

  @Override
  public String label() {
    return "by error, most " + most;
  }

  @Override
  public long fileType() {
    return GgufTypes.fileType(most);
  }

  @Override
  public GgufType wanted(GgufTensor tensor) {
    return types.getOrDefault(tensor.name(), most);
  }
}
