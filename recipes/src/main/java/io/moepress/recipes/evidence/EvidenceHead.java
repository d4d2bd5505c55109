package io.moepress.recipes.evidence;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;

/// The contents of `evidence.json`.
///
/// @param experts number of routed experts by decoder layer
/// @param numbers digest of `evidence.safetensors`
/// @param matrices digest of each layer's file of matrices; null without any
/// @param reservoir null without one
/// @param linears digest of each decoder layer's file about its linear maps; null without any
/// @param propagation what was done to each layer before those behind it were measured; null:
///   nothing
/// @param conventions what each statistic in the files means, for people; not read back
record EvidenceHead(
    int formatVersion,
    String tool,
    String checkpoint,
    int maxTokens,
    List<Evidence.Domain> domains,
    SortedMap<Integer, Integer> experts,
    String numbers,
    @Nullable SortedMap<Integer, String> matrices,
    @Nullable ReservoirHead reservoir,
    @Nullable SortedMap<Integer, String> linears,
    @Nullable String propagation,
    @Nullable Map<String, String> conventions) {

  /// How the reservoir was drawn, and the digest of each layer's file.
  record ReservoirHead(int tokens, @Nullable Long seed, SortedMap<Integer, String> layers) {}

  /// The meaning of everything that evidence holds, by label.
  static Map<String, String> conventions(
      Set<Statistic> statistics, Set<LinearStatistic> linears, boolean hasReservoir) {
    Map<String, String> conventions = new LinkedHashMap<>();
    conventions.put(
        "notation",
        "X_j: tokens routed to expert j; T: all tokens; x: input of the MoE block; g: weight really"
            + " used; s: score over all experts, without selection bias; z: router logit; f: output"
            + " before the weight; a: input of the down projection; h: residual stream before the"
            + " block; y: joint output of the routed experts; sums in float64 over float32 values");
    statistics.stream()
        .sorted()
        .forEach(statistic ->
            conventions.put(
                statistic.label(), statistic.form().shape() + " " + statistic.formula()));
    linears.stream()
        .sorted()
        .forEach(statistic ->
            conventions.put(
                statistic.label(),
                statistic.shape() + " " + statistic.formula() + ", x: what a linear map reads"));
    if (hasReservoir) {
      conventions.put(Reservoir.LABEL, "[R, H] x of the same R tokens of T in every layer");
    }
    return conventions;
  }
}
