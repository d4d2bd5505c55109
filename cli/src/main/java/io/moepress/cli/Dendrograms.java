package io.moepress.cli;

import io.moepress.formats.Checks;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeExperts.Join;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.PlanStep;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/// How clusters of experts came about, as people read it: the nearest that joined first.
final class Dendrograms {
  private Dendrograms() {}

  /// All layers of all steps that have joins; empty where there are none.
  static String text(Plan plan) {
    StringBuilder text = new StringBuilder();
    for (Plan part : plan.chain()) {
      for (PlanStep step : part.steps()) {
        if (step instanceof MergeExperts merge && !merge.joins().isEmpty()) {
          append(text, merge);
        }
      }
    }
    return text.toString();
  }

  private static void append(StringBuilder text, MergeExperts step) {
    text.append(Checks.text("\nlayer %d: joined at\n", step.layer()));
    SortedMap<Integer, List<Integer>> clusters = new TreeMap<>();
    for (Join join : step.joins()) {
      List<Integer> first = new ArrayList<>(cluster(clusters, join.first()));
      List<Integer> second = cluster(clusters, join.second());
      text.append(Checks.text("%12.6g  %s + %s\n", join.height(), first, second));
      first.addAll(second);
      clusters.put(join.first(), first.stream().sorted().toList());
    }
  }

  private static List<Integer> cluster(SortedMap<Integer, List<Integer>> clusters, int smallest) {
    return clusters.getOrDefault(smallest, List.of(smallest));
  }
}
