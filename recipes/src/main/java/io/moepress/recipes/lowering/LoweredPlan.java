package io.moepress.recipes.lowering;

import io.moepress.formats.checkpoint.ModelConfig;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
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

  /// Bytes of all tensors of the result.
  public long byteCount() {
    return tensors.stream().mapToLong(tensor -> tensor.info().byteCount()).sum();
  }

  /// Elements of all tensors of the result.
  public long parameterCount() {
    return tensors.stream().mapToLong(tensor -> tensor.info().shape().elementCount()).sum();
  }

  /// This plan and then `next`, which was lowered on its result, as one plan of the source.
  public LoweredPlan then(LoweredPlan next) {
    Map<String, TensorProgram> programs = new HashMap<>();
    tensors.forEach(tensor -> programs.put(tensor.info().name(), tensor.program()));
    List<OutputTensor> composed = new ArrayList<>();
    for (OutputTensor tensor : next.tensors) {
      composed.add(
          new OutputTensor(tensor.info(), tensor.program().after(name -> program(programs, name))));
    }
    SortedMap<String, String> gone = new TreeMap<>(dropped);
    next.dropped.forEach((name, reason) ->
        program(programs, name).sources().forEach(source -> gone.put(source, reason)));
    return new LoweredPlan(next.config, composed, gone);
  }

  private static TensorProgram program(Map<String, TensorProgram> programs, String name) {
    TensorProgram program = programs.get(name);
    if (program == null) {
      throw new IllegalArgumentException("no tensor " + name + " in the plan before");
    }
    return program;
  }
}
