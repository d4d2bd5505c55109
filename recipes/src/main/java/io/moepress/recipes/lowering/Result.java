package io.moepress.recipes.lowering;

import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.lowprecision.IntegerCodec;
import io.moepress.formats.lowprecision.SourceScheme;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.lowering.TensorProgram.Copy;
import io.moepress.recipes.plan.PlanMismatchException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/// Collects what becomes of each tensor of the source.
final class Result {
  private final List<OutputTensor> tensors = new ArrayList<>();
  private final SortedMap<String, String> dropped = new TreeMap<>();
  private final Map<String, String> reasons = new HashMap<>(); // one text for all tensors it is of

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
    dropped.put(name, reasons.computeIfAbsent(reason, first -> first));
  }

  /// Makes sure that experts that get other numbers keep the schemes that a configuration gives
  /// them by their names: their codes are moved, and would be read as something else.
  ///
  /// @throws PlanMismatchException when one does not
  void requireSchemesKept(ModelConfig config) {
    Optional<IntegerCodec> codec =
        SourceScheme.of(config)
            .filter(IntegerCodec.class::isInstance)
            .map(IntegerCodec.class::cast);
    for (OutputTensor tensor : tensors) {
      if (codec.isPresent() && tensor.program() instanceof Copy copy) {
        requireSame(codec.get(), layer(copy.source()), layer(tensor.info().name()));
      }
    }
  }

  private static void requireSame(IntegerCodec codec, String before, String after) {
    boolean same =
        before.equals(after)
            || (codec.declared(before).equals(codec.declared(after))
                && codec.excepts(before) == codec.excepts(after));
    if (!same) {
      throw new PlanMismatchException(
          "plan: %s becomes %s, for which %s in config.json has another scheme (expected the same for"
              + " all experts of a layer). Drop experts before weights are quantised.",
          before, after, SourceScheme.KEY);
    }
  }

  private static String layer(String tensor) {
    return tensor.substring(0, Math.max(0, tensor.lastIndexOf('.')));
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
