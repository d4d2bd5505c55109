package io.moepress.formats.architecture;

import io.moepress.formats.FormatException;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.lowprecision.StoredTensors;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorInfo;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/// Which tensor of a checkpoint is which: every name of the main model has exactly one role, every
/// required role has its tensor, every shape is what the configuration says.
///
/// @param names name by identity, in the order of the model; optional tensors only when present
/// @param multiTokenPrediction names of the tensors for multi-token prediction, which are no part
///   of the main model and have no role in it; as the checkpoint stores them
/// @param stored how the checkpoint stores its tensors
public record TensorInventory(
    Map<TensorId, String> names, Set<String> multiTokenPrediction, StoredTensors stored) {

  public TensorInventory {
    names = Collections.unmodifiableMap(new LinkedHashMap<>(names));
    multiTokenPrediction = Collections.unmodifiableSet(new TreeSet<>(multiTokenPrediction));
  }

  /// Matches the tensors of a checkpoint against its layout.
  ///
  /// @throws FormatException naming the first tensor that is missing, unknown or misshapen
  public static TensorInventory of(Checkpoint checkpoint, ModelLayout layout) {
    return of(checkpoint, StoredTensors.of(checkpoint), layout);
  }

  static TensorInventory of(Checkpoint checkpoint, StoredTensors stored, ModelLayout layout) {
    requireEnoughTensors(checkpoint, layout);
    Map<TensorId, String> names = new LinkedHashMap<>();
    Set<String> known = new HashSet<>();
    for (TensorId id : layout.tensors()) {
      String name = layout.name(id);
      TensorInfo info = stored.tensors().get(name);
      if (info == null) {
        requireOptional(checkpoint, layout, id);
        continue;
      }
      requireShape(checkpoint, info, layout.shape(id));
      names.put(id, info.name()); // one text for each name, however many models know it
      requireOneRole(known.add(name), layout, name);
    }
    Set<String> unknown = new TreeSet<>();
    stored.tensors().keySet().stream().filter(name -> !known.contains(name)).forEach(unknown::add);
    Set<String> extra = new TreeSet<>();
    unknown.stream().filter(name -> layout.predictionLayer(name).isPresent()).forEach(extra::add);
    unknown.removeAll(extra);
    if (!unknown.isEmpty()) {
      throw unknown(checkpoint, layout, unknown);
    }
    Set<String> prediction = new TreeSet<>();
    extra.forEach(name -> stored.parts(name).forEach(part -> prediction.add(part.name())));
    return new TensorInventory(names, prediction, stored);
  }

  /// Whether the checkpoint has the tensor.
  public boolean has(TensorId id) {
    return names.containsKey(id);
  }

  /// The name of a tensor that is there.
  public String name(TensorId id) {
    String name = names.get(id);
    if (name == null) {
      throw new IllegalArgumentException("no tensor " + id);
    }
    return name;
  }

  /// A configuration may claim billions of experts; their names would fill all memory.
  private static void requireEnoughTensors(Checkpoint checkpoint, ModelLayout layout) {
    int tensors = checkpoint.tensors().size();
    boolean split =
        layout.roles().stream().anyMatch(role -> role.scope() == TensorRole.Scope.EXPERT);
    boolean enough = layout.layers() <= tensors && (!split || sum(layout) <= tensors);
    if (!enough) {
      throw FormatException.of(
          "%s: only %d tensors, but config.json says %d layers and %s experts",
          checkpoint.name(), tensors, layout.layers(), experts(layout));
    }
  }

  private static long sum(ModelLayout layout) {
    return layout.expertCounts().values().stream().mapToLong(Integer::longValue).sum();
  }

  private static String experts(ModelLayout layout) {
    return ExpertCounts.text(layout.distinctExperts());
  }

  private static void requireOneRole(boolean first, ModelLayout layout, String name) {
    if (!first) {
      throw FormatException.of(
          "architecture %s: two roles have the name %s", layout.architecture().modelTypes(), name);
    }
  }

  private static void requireOptional(Checkpoint checkpoint, ModelLayout layout, TensorId id) {
    if (!layout.isOptional(id.role())) {
      throw FormatException.of(
          "%s: tensor %s is missing (config.json says %d layers and %s experts)",
          checkpoint.name(), layout.name(id), layout.layers(), experts(layout));
    }
  }

  private static void requireShape(Checkpoint checkpoint, TensorInfo info, Shape expected) {
    if (!info.shape().equals(expected)) {
      throw FormatException.of(
          "%s: tensor %s: shape %s (expected %s from config.json)",
          checkpoint.name(), info.name(), info.shape(), expected);
    }
  }

  private static FormatException unknown(
      Checkpoint checkpoint, ModelLayout layout, Set<String> names) {
    return FormatException.of(
        "%s: %d tensors have no role in the architecture %s, for instance %s (config.json says %d"
            + " layers and %s experts)",
        checkpoint.name(),
        names.size(),
        layout.config().modelType(),
        names.iterator().next(),
        layout.layers(),
        experts(layout));
  }
}
