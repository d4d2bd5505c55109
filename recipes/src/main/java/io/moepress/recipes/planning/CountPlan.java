package io.moepress.recipes.planning;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.ExpertCounts;
import io.moepress.formats.architecture.ExpertGroups;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.recipes.plan.AllocationMode;
import io.moepress.recipes.plan.ExpertId;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.Snap;
import io.moepress.recipes.recipe.CountedStep;
import io.moepress.recipes.target.ExpertNumbers;
import io.moepress.recipes.target.Target;
import io.moepress.recipes.target.TargetRules;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;

/// From the numbers of experts that budget and method ask for to those that a plan gets: the same
/// in every layer where the target knows one number only, and then rounded as the recipe wants it.
///
/// * **One number for all**: the mean, rounded, halves upwards. The total stays the same, up to
///   that rounding.
/// * **Rounded**: to the nearest number that will do, of two equally near the larger; never below
///   what a token uses and what is guarded, never above what is there.
///
/// Where the router chooses by groups of experts, both give multiples of the number of groups.
///
/// @param layout the model, routed as the result will be, with all experts still there
/// @param step what the recipe asks
/// @param target the runtime
/// @param guarded experts that stay in any case
record CountPlan(
    ModelLayout layout, CountedStep step, Target target, Collection<ExpertId> guarded) {

  /// Numbers of experts, and what there is to say about them.
  ///
  /// @param counts by layer
  /// @param notes what was changed and why
  record Outcome(SortedMap<Integer, Integer> counts, List<String> notes) {
    Outcome {
      counts = Collections.unmodifiableSortedMap(new TreeMap<>(counts));
      notes = List.copyOf(notes);
    }
  }

  /// Whether dropped experts leave the checkpoint, and with them their places.
  boolean slices() {
    return step.slices();
  }

  /// Whether the target has one number for all layers, and the recipe wants it kept.
  boolean uniformises() {
    return slices() && target != Target.RESEARCH && step.counts().uniformise();
  }

  /// Makes sure that the target takes what a method will make of a budget for all layers, before it
  /// is known how many experts of each layer that is.
  ///
  /// @throws PlanMismatchException when the target has one number for all layers, and the recipe
  ///   does not let it be made one
  void requireOneNumber() {
    boolean spread = step.allocation() == AllocationMode.GLOBAL;
    if (spread && slices() && target != Target.RESEARCH && !step.counts().uniformise()) {
      int mean = same(step.budget().counts(layout));
      throw new PlanMismatchException(
          "%s: uniform-experts: allocation: global gives each layer its own number of experts"
              + " (expected one number for all layers). The nearest is %d in every layer: leave out"
              + " \"uniformise: false\", or use \"target: research\".",
          target.label(), mean);
    }
  }

  /// What becomes of numbers that were asked for.
  ///
  /// @throws PlanMismatchException when there is no number to round to
  Outcome of(SortedMap<Integer, Integer> asked) {
    requireSlice();
    List<String> notes = new ArrayList<>();
    SortedMap<Integer, Integer> counts = new TreeMap<>(asked);
    if (uniformises() && differ(asked)) {
      int needed = asked.keySet().stream().mapToInt(this::floorOf).max().orElse(1);
      int same = Math.max(same(asked), needed);
      counts.replaceAll((layer, old) -> same);
      notes.add(uniformised(asked, counts));
    }
    SortedMap<Integer, Integer> unsnapped = new TreeMap<>(counts);
    counts.replaceAll(this::snapped);
    if (!counts.equals(unsnapped)) {
      notes.add(snapNote(unsnapped, counts));
    }
    return new Outcome(counts, notes);
  }

  private void requireSlice() {
    if (!slices() && !step.counts().snap().equals(Snap.NONE)) {
      throw new PlanMismatchException(
          "snap: %s, but with \"router: mask\" all experts stay on disk (expected \"router: slice\")."
              + " Leave the key out.",
          step.counts().snap());
    }
  }

  private static boolean differ(SortedMap<Integer, Integer> counts) {
    return counts.values().stream().distinct().count() > 1;
  }

  private int same(SortedMap<Integer, Integer> asked) {
    long total = total(asked);
    int layers = asked.size();
    int mean = Math.toIntExact((2 * total + layers) / (2L * layers));
    ExpertGroups groups = layout.groups();
    int available = layout.distinctExperts().first();
    return groups.count() == 1
        ? Math.min(mean, available)
        : groups.nearest(mean, available, layout.topK());
  }

  private static long total(SortedMap<Integer, Integer> counts) {
    return counts.values().stream().mapToLong(Integer::longValue).sum();
  }

  private String uniformised(SortedMap<Integer, Integer> asked, SortedMap<Integer, Integer> now) {
    return Checks.text(
        "%s has one number of experts for all layers: %s by layer, %d in all, became %s in each, %d"
            + " in all; the ranking inside each layer is kept",
        target.label(), asked, total(asked), ExpertCounts.text(now.values()), total(now));
  }

  private String snapNote(SortedMap<Integer, Integer> asked, SortedMap<Integer, Integer> now) {
    String reason =
        switch (step.counts().snap()) {
          case Snap.None none -> "";
          case Snap.MultipleOf(int unit) -> "the nearest multiple of " + unit + inGroups();
          case Snap.OfTarget of ->
              "the nearest number for which " + target.label() + " has neither warning nor note";
        };
    String change =
        differ(asked) || differ(now)
            ? Checks.text("%s by layer became %s", asked, now)
            : Checks.text(
                "%s in each layer became %s",
                ExpertCounts.text(asked.values()), ExpertCounts.text(now.values()));
    return Checks.text(
        "experts: %s: %s (snap: %s; ties go upwards)", change, reason, step.counts().snap());
  }

  private String inGroups() {
    int groups = layout.groups().count();
    return groups == 1 ? "" : Checks.text(", in %d groups of equal size", groups);
  }

  private int snapped(int layer, int wanted) {
    if (step.counts().snap().equals(Snap.NONE)) {
      return wanted;
    }
    int floor = floor(layer);
    return choice(layer).stream()
        .filter(count -> count >= floor && count <= most(layer))
        .min(
            Comparator.comparingInt((Integer count) -> Math.abs(count - wanted))
                .thenComparing(Comparator.reverseOrder()))
        .orElseThrow(() ->
            new PlanMismatchException(
                "snap: %s: no such number from %d to %d, which is what may stay in layer %d. Use"
                    + " another one, or leave the key out.",
                step.counts().snap(), floor, most(layer), layer));
  }

  /// The numbers to round to.
  private List<Integer> choice(int layer) {
    return switch (step.counts().snap()) {
      case Snap.None none -> List.of();
      case Snap.MultipleOf(int unit) -> multiples(unit, most(layer));
      case Snap.OfTarget of -> TargetRules.quietCounts(target, available(most(layer)));
    };
  }

  /// The same model with so many experts in each layer.
  private ExpertNumbers available(int most) {
    return ExpertNumbers.of(layout).ofAtMost(most);
  }

  private List<Integer> multiples(int unit, int most) {
    int groups = layout.groups().count();
    return IntStream.rangeClosed(1, most)
        .filter(count -> count % unit == 0 && count % groups == 0)
        .boxed()
        .toList();
  }

  /// What may stay at most: of this layer, or of any where all get the same number.
  private int most(int layer) {
    return uniformises() ? layout.distinctExperts().first() : layout.experts(layer);
  }

  /// What has to stay at least.
  private int floor(int layer) {
    return uniformises()
        ? layout.moeLayers().stream().mapToInt(this::floorOf).max().orElse(1)
        : floorOf(layer);
  }

  private int floorOf(int layer) {
    ExpertGroups groups = layout.groups();
    int size = groups.size(layout.experts(layer));
    int fullest = 0;
    for (int group = 0; group < groups.count(); group++) {
      int first = group * size;
      long inGroup =
          guarded.stream()
              .filter(id -> id.layer() == layer)
              .filter(id -> id.expert() >= first && id.expert() < first + size)
              .count();
      fullest = Math.max(fullest, Math.toIntExact(inGroup));
    }
    int least = groups.count() == 1 ? layout.topK() : groups.smallestSize(layout.topK());
    return groups.count() * Math.max(least, fullest);
  }
}
