package io.moepress.recipes.evidence;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import io.moepress.recipes.evidence.Evidence.Sampling;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Evidence written down by hand: what a calibration would have had to see.
public final class HandmadeEvidence {
  /// The checkpoint it says it was measured on.
  public static final String CHECKPOINT = "sha256:handmade";

  private final List<Evidence.Domain> domains = new ArrayList<>();
  private final SortedMap<Integer, Map<Statistic, double[][]>> layers = new TreeMap<>();
  private final SortedMap<Integer, Reservoir> reservoirs = new TreeMap<>();
  private @Nullable Sampling sampling;

  private HandmadeEvidence() {}

  /// Evidence of corpora of two texts and ten tokens each.
  public static HandmadeEvidence of(String... domains) {
    HandmadeEvidence evidence = new HandmadeEvidence();
    for (String domain : domains) {
      evidence.domains.add(new Evidence.Domain(domain, "sha256:" + domain, 2, 10));
    }
    return evidence;
  }

  /// Adds a statistic of a layer: `[domains][E]`, or the `[E]` rows of a matrix.
  @CanIgnoreReturnValue
  public HandmadeEvidence with(int layer, Statistic statistic, double[]... rows) {
    layers.computeIfAbsent(layer, index -> new EnumMap<>(Statistic.class)).put(statistic, rows);
    return this;
  }

  /// Adds the reservoir of a layer.
  @CanIgnoreReturnValue
  public HandmadeEvidence with(int layer, Reservoir reservoir, @Nullable Long seed) {
    reservoirs.put(layer, reservoir);
    sampling = new Sampling(reservoir.rows(), seed);
    return this;
  }

  /// The evidence, of [#CHECKPOINT].
  public Evidence evidence() {
    return evidence(CHECKPOINT);
  }

  /// The evidence, of any checkpoint.
  public Evidence evidence(String checkpoint) {
    return evidence(checkpoint, 512);
  }

  /// The evidence, of any checkpoint, of texts cut anywhere.
  public Evidence evidence(String checkpoint, int maxTokens) {
    SortedMap<Integer, Evidence.Layer> made = new TreeMap<>();
    layers.forEach((layer, all) -> made.put(layer, layer(all, reservoirs.get(layer))));
    return new Evidence(checkpoint, maxTokens, domains, made, sampling);
  }

  private static Evidence.Layer layer(
      Map<Statistic, double[][]> all, @Nullable Reservoir reservoir) {
    Map<Statistic, double[][]> values = new EnumMap<>(Statistic.class);
    Map<Statistic, double[][]> matrices = new EnumMap<>(Statistic.class);
    int experts = 0;
    for (Map.Entry<Statistic, double[][]> entry : all.entrySet()) {
      boolean isMatrix = entry.getKey().isMatrix();
      (isMatrix ? matrices : values).put(entry.getKey(), entry.getValue());
      experts = isMatrix ? entry.getValue().length : entry.getValue()[0].length;
    }
    return new Evidence.Layer(experts, values, new LargeParts.InMemory(matrices, reservoir));
  }
}
