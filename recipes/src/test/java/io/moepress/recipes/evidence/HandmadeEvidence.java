package io.moepress.recipes.evidence;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/// Evidence written down by hand: what a calibration would have had to see.
public final class HandmadeEvidence {
  /// The checkpoint it says it was measured on.
  public static final String CHECKPOINT = "sha256:handmade";

  private final List<Evidence.Domain> domains = new ArrayList<>();
  private final SortedMap<Integer, Map<Statistic, double[][]>> layers = new TreeMap<>();

  private HandmadeEvidence() {}

  /// Evidence of corpora of two texts and ten tokens each.
  public static HandmadeEvidence of(String... domains) {
    HandmadeEvidence evidence = new HandmadeEvidence();
    for (String domain : domains) {
      evidence.domains.add(new Evidence.Domain(domain, "sha256:" + domain, 2, 10));
    }
    return evidence;
  }

  /// Adds a statistic of a layer, `[domains][E]`.
  @CanIgnoreReturnValue
  public HandmadeEvidence with(int layer, Statistic statistic, double[]... byDomain) {
    layers.computeIfAbsent(layer, index -> new EnumMap<>(Statistic.class)).put(statistic, byDomain);
    return this;
  }

  /// The evidence, of [#CHECKPOINT].
  public Evidence evidence() {
    return evidence(CHECKPOINT);
  }

  /// The evidence, of any checkpoint.
  public Evidence evidence(String checkpoint) {
    SortedMap<Integer, Evidence.Layer> made = new TreeMap<>();
    layers.forEach((layer, values) -> made.put(layer, new Evidence.Layer(experts(values), values)));
    return new Evidence(checkpoint, 512, domains, made);
  }

  private static int experts(Map<Statistic, double[][]> values) {
    return values.values().iterator().next()[0].length;
  }
}
