package io.moepress.recipes.lowering;

import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.lowprecision.StoredTensors;
import io.moepress.formats.tensor.TensorInfo;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/// A plan in terms of tensors: everything there is to do, and nothing left to decide.
///
/// @param config the configuration of the result
/// @param tensors the tensors of the result, in the order of the model
/// @param dropped source tensors that are not in the result, with the reason
public record LoweredPlan(
    ModelConfig config, List<OutputTensor> tensors, SortedMap<String, String> dropped) {

  public LoweredPlan {
    tensors = List.copyOf(tensors);
    dropped = Collections.unmodifiableSortedMap(new TreeMap<>(dropped));
  }

  /// This plan and another, made for its result, as one plan for the source of this one. It gives
  /// the same bytes as both one after the other, and lists what either drops by its first name.
  ///
  /// @throws IllegalArgumentException when `next` reads a tensor this plan does not give
  public LoweredPlan then(LoweredPlan next) {
    return Composition.of(this, next);
  }

  /// Bytes of all tensors of the result.
  public long byteCount() {
    return tensors.stream().mapToLong(tensor -> tensor.info().byteCount()).sum();
  }

  /// Elements of all tensors of the result; one in low precision has those that it stands for.
  public long parameterCount() {
    return StoredTensors.of("plan", config, tensorsByName()).parameterCount();
  }

  /// Names, types and shapes of all tensors of the result.
  public SortedMap<String, TensorInfo> tensorsByName() {
    SortedMap<String, TensorInfo> infos = new TreeMap<>();
    tensors.forEach(tensor -> infos.put(tensor.info().name(), tensor.info()));
    return infos;
  }
}
