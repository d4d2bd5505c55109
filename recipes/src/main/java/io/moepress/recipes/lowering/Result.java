package io.moepress.recipes.lowering;

import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.lowering.TensorProgram.Copy;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/// Collects what becomes of each tensor of the source.
final class Result {
  private final List<OutputTensor> tensors = new ArrayList<>();
  private final SortedMap<String, String> dropped = new TreeMap<>();

  /// A tensor of the result.
  void add(TensorInfo info, TensorProgram program) {
    tensors.add(new OutputTensor(info, program));
  }

  /// A tensor of the result that is one of the source.
  void copy(TensorInfo info) {
    add(info, new Copy(info.name()));
  }

  /// A tensor of the source that is not in the result.
  void drop(String name, String reason) {
    dropped.put(name, reason);
  }

  /// The plan, once every tensor of the source is accounted for.
  ///
  /// @param sources names of all tensors of the source
  LoweredPlan plan(ModelConfig config, Set<String> sources) {
    Set<String> lost = new HashSet<>(sources);
    lost.removeAll(dropped.keySet());
    tensors.forEach(tensor -> tensor.program().sources().forEach(lost::remove));
    if (!lost.isEmpty()) {
      throw new IllegalStateException("tensors neither kept nor dropped: " + lost);
    }
    return new LoweredPlan(config, tensors, dropped);
  }
}
