package io.moepress.cli;

import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/// How many of the routed experts at least one token of a domain reached.
///
/// @param domain name of the domain
/// @param used experts reached, of all layers together
/// @param experts all experts of these layers
record ExpertUsage(String domain, long used, long experts) {

  /// The usage by each domain of some evidence, in its order.
  static List<ExpertUsage> of(Evidence evidence) {
    long experts = evidence.layers().values().stream().mapToLong(Evidence.Layer::experts).sum();
    return IntStream.range(0, evidence.domains().size())
        .mapToObj(domain ->
            new ExpertUsage(evidence.domains().get(domain).name(), used(evidence, domain), experts))
        .toList();
  }

  private static long used(Evidence evidence, int domain) {
    return evidence.layers().values().stream()
        .mapToLong(layer ->
            Arrays.stream(layer.byDomain(Statistic.ROUTED_TOKENS)[domain])
                .filter(tokens -> tokens > 0)
                .count())
        .sum();
  }

  /// The part that was reached, 0 to 1.
  double share() {
    return experts == 0 ? 0 : (double) used / experts;
  }
}
