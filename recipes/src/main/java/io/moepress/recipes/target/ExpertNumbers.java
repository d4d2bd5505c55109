package io.moepress.recipes.target;

import io.moepress.formats.architecture.ExpertGroups;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.TensorRole;
import java.util.Collections;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;

/// The numbers of experts that a plan will leave, or that a checkpoint holds.
///
/// @param byLayer number of experts of each MoE layer, by layer
/// @param topK experts that a token uses
/// @param groups the groups that experts stand in
/// @param biased whether the router chooses by scores with a bias
/// @param modelType the family
/// @param available the most that every layer can have
/// @param mapped whether several rows of a router may lead to one expert
public record ExpertNumbers(
    SortedMap<Integer, Integer> byLayer,
    int topK,
    ExpertGroups groups,
    boolean biased,
    String modelType,
    int available,
    boolean mapped) {

  public ExpertNumbers {
    byLayer = Collections.unmodifiableSortedMap(new TreeMap<>(byLayer));
  }

  /// As many experts in the MoE layers as the configuration says.
  public static ExpertNumbers of(ModelLayout layout) {
    return of(layout, layout.expertCounts());
  }

  /// Other numbers of experts than a model has now.
  ///
  /// @param layout the model as it is; its smallest layer has as many experts as there can be
  /// @param byLayer number of experts of each MoE layer, by layer
  public static ExpertNumbers of(ModelLayout layout, SortedMap<Integer, Integer> byLayer) {
    return of(layout, layout.groups(), byLayer, fewest(layout));
  }

  /// What a plan makes of a model.
  public static ExpertNumbers of(ModelLayout before, ModelLayout after) {
    return of(after, after.groups(), after.expertCounts(), fewest(before));
  }

  private static int fewest(ModelLayout layout) {
    return layout.distinctExperts().first();
  }

  static ExpertNumbers of(
      ModelLayout layout, ExpertGroups groups, SortedMap<Integer, Integer> byLayer, int available) {
    return new ExpertNumbers(
        byLayer,
        layout.topK(),
        groups,
        layout.has(TensorRole.SELECTION_BIAS),
        layout.config().modelType(),
        available,
        !layout.expertMap().isEmpty());
  }

  /// The number of all layers; empty when they differ, or there is no such layer.
  OptionalInt count() {
    return byLayer.values().stream().distinct().count() == 1
        ? OptionalInt.of(byLayer.values().iterator().next())
        : OptionalInt.empty();
  }

  /// The number that would leave as many experts in all, rounded.
  int mean() {
    double mean = byLayer.values().stream().mapToInt(Integer::intValue).average().orElse(0);
    return Math.toIntExact(Math.round(mean));
  }

  /// The same model, where a layer can have so many at most.
  public ExpertNumbers ofAtMost(int most) {
    return new ExpertNumbers(byLayer, topK, groups, biased, modelType, most, mapped);
  }

  /// The same model with this many in every layer.
  public ExpertNumbers uniform(int count) {
    SortedMap<Integer, Integer> others = new TreeMap<>(byLayer);
    others.replaceAll((layer, old) -> count);
    return new ExpertNumbers(others, topK, groups, biased, modelType, available, mapped);
  }

  /// The same where all rows of the router stay, and several may lead to one expert.
  public ExpertNumbers withMap() {
    return new ExpertNumbers(byLayer, topK, groups, biased, modelType, available, true);
  }
}
