package io.moepress.formats.architecture;

import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.Architecture.Storage;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.lowprecision.SourceScheme;
import io.moepress.formats.lowprecision.StoredTensors;
import io.moepress.formats.lowprecision.TensorCodec;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/// Finds out in which of its family's ways a checkpoint stores experts.
///
/// Ways whose names of expert tensors do not occur in the checkpoint are out of the question. Of
/// the rest, exactly one must fit every tensor.
final class StorageChoice {
  private final Checkpoint checkpoint;
  private final StoredTensors stored;
  private final List<MoeModel> fitting = new ArrayList<>();
  private final Map<String, FormatException> refusals = new LinkedHashMap<>();

  private StorageChoice(Checkpoint checkpoint, StoredTensors stored) {
    this.checkpoint = checkpoint;
    this.stored = stored;
  }

  /// The ways in which a family stores experts, those that suit what the configuration says of low
  /// precision if there are such; empty stands for one tensor per matrix.
  static List<Optional<Storage>> ways(Architecture architecture, ModelConfig config) {
    List<Optional<Storage>> all = ways(architecture);
    List<Optional<Storage>> encoded =
        SourceScheme.of(config)
            .map(codec -> all.stream().filter(way -> isEncoded(way, codec)).toList())
            .orElse(List.of());
    return encoded.isEmpty()
        ? all.stream().filter(way -> way.map(Storage::encoding).isEmpty()).toList()
        : encoded;
  }

  private static boolean isEncoded(Optional<Storage> way, TensorCodec codec) {
    return way.map(Storage::encoding).filter(encoding -> encoding.isOf(codec)).isPresent();
  }

  private static List<Optional<Storage>> ways(Architecture architecture) {
    List<Storage> stacked = architecture.storages() == null ? List.of() : architecture.storages();
    List<Optional<Storage>> ways = new ArrayList<>();
    if (stacked.isEmpty()
        || architecture.tensors().keySet().stream().anyMatch(TensorRole::isExpert)) {
      ways.add(Optional.empty());
    }
    stacked.forEach(storage -> ways.add(Optional.of(storage)));
    return ways;
  }

  /// The checkpoint with a role for every tensor.
  ///
  /// @param layout in any of the ways
  /// @throws FormatException saying for each way what is wrong
  static MoeModel match(Checkpoint checkpoint, ModelLayout layout) {
    StoredTensors stored = StoredTensors.of(checkpoint);
    List<ModelLayout> all = layout.stored();
    boolean tooFew = checkpoint.tensors().size() < layout.layers(); // which the inventory refuses
    if (all.size() == 1 || tooFew || layout.moeLayers().isEmpty()) {
      ModelLayout only = all.getFirst();
      return new MoeModel(checkpoint, only, TensorInventory.of(checkpoint, stored, only));
    }
    List<ModelLayout> seen = all.stream().filter(way -> occurs(stored, way)).toList();
    StorageChoice choice = new StorageChoice(checkpoint, stored);
    (seen.isEmpty() ? all : seen).forEach(choice::attempt);
    return choice.result();
  }

  private static boolean occurs(StoredTensors stored, ModelLayout way) {
    return way.roles().stream()
        .filter(TensorRole::isExpert)
        .map(way::namePattern)
        .map(Pattern::asMatchPredicate)
        .anyMatch(name -> stored.tensors().keySet().stream().anyMatch(name));
  }

  private void attempt(ModelLayout way) {
    try {
      fitting.add(new MoeModel(checkpoint, way, TensorInventory.of(checkpoint, stored, way)));
    } catch (FormatException e) {
      refusals.put(name(way), e);
    }
  }

  private MoeModel result() {
    if (fitting.size() == 1) {
      return fitting.getFirst();
    }
    if (fitting.size() > 1) {
      List<String> ways = fitting.stream().map(model -> name(model.layout())).toList();
      throw FormatException.of(
          "%s: the tensors fit more than one way to store experts: %s (expected one). Mend the"
              + " architecture file.",
          checkpoint.name(), ways);
    }
    long reasons = refusals.values().stream().map(Throwable::getMessage).distinct().count();
    if (reasons == 1) {
      throw refusals.values().iterator().next();
    }
    List<String> all = new ArrayList<>();
    refusals.forEach((way, refusal) -> all.add(way + ": " + refusal.getMessage()));
    throw FormatException.of(
        "%s: experts are stored in none of the ways this architecture knows. If %s",
        checkpoint.name(), String.join("; if ", all));
  }

  private static String name(ModelLayout way) {
    return way.storage().map(Storage::name).orElse("one tensor per matrix");
  }
}
