package io.moepress.recipes.evidence;

import io.moepress.formats.Checks;
import io.moepress.recipes.evidence.Evidence.Sampling;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/// What a calibration is to gather.
///
/// @param statistics [Statistic#ROUTED_TOKENS] is always among them
/// @param reservoirTokens rows of the reservoir; 0 for none, which becomes
///   [#DEFAULT_RESERVOIR_TOKENS] where a statistic is a sum over the reservoir
/// @param seed decides which tokens the reservoir holds
/// @param linears what to gather of the linear maps of every layer
public record EvidenceRequest(
    Set<Statistic> statistics, int reservoirTokens, long seed, Set<LinearStatistic> linears) {
  /// Rows of a reservoir when a method needs one and the user does not say how large.
  public static final int DEFAULT_RESERVOIR_TOKENS = 4096;

  public EvidenceRequest {
    Checks.require(
        reservoirTokens >= 0, "reservoir-tokens: %d (expected 0 or more)", reservoirTokens);
    EnumSet<Statistic> all = EnumSet.of(Statistic.ROUTED_TOKENS);
    all.addAll(statistics);
    statistics = Collections.unmodifiableSet(all);
    if (reservoirTokens == 0 && all.stream().anyMatch(Statistic::isOverReservoir)) {
      reservoirTokens = DEFAULT_RESERVOIR_TOKENS;
    }
    linears = Collections.unmodifiableSet(LinearStatistic.copyOf(linears));
  }

  /// A request for nothing about linear maps.
  public EvidenceRequest(Set<Statistic> statistics, int reservoirTokens, long seed) {
    this(statistics, reservoirTokens, seed, Set.of());
  }

  /// Statistics without a reservoir.
  public static EvidenceRequest of(Set<Statistic> statistics) {
    return new EvidenceRequest(statistics, 0, 0);
  }

  /// This, and more statistics.
  public EvidenceRequest and(Set<Statistic> more) {
    EnumSet<Statistic> union = EnumSet.copyOf(statistics);
    union.addAll(more);
    return new EvidenceRequest(union, reservoirTokens, seed, linears);
  }

  /// This, and more about linear maps.
  public EvidenceRequest andLinears(Set<LinearStatistic> more) {
    Set<LinearStatistic> union = LinearStatistic.copyOf(linears);
    union.addAll(more);
    return new EvidenceRequest(statistics, reservoirTokens, seed, union);
  }

  /// What evidence of the same texts lacks, by name; empty when it holds at least this.
  public List<String> missingFrom(Evidence evidence) {
    EnumSet<Statistic> absent = EnumSet.copyOf(statistics);
    absent.removeAll(evidence.statistics());
    List<String> missing = new ArrayList<>(Statistic.labels(absent));
    Set<LinearStatistic> absentLinears = LinearStatistic.copyOf(linears);
    absentLinears.removeAll(evidence.linearStatistics());
    missing.addAll(LinearStatistic.labels(absentLinears));
    if (!hasReservoir(evidence)) {
      missing.add(Checks.text("%s of %d tokens", Reservoir.LABEL, rows(evidence)));
    }
    return missing;
  }

  private boolean hasReservoir(Evidence evidence) {
    Sampling held = evidence.sampling();
    if (reservoirTokens == 0) {
      return true;
    }
    if (held == null) {
      return false;
    }
    boolean holdsAll = held.tokens() == evidence.tokens();
    return holdsAll || (isDrawnAlike(held) && held.tokens() >= rows(evidence));
  }

  private boolean isDrawnAlike(Sampling held) {
    return held.seed() != null && held.seed() == seed;
  }

  /// A reservoir larger than the corpus holds all of it.
  private long rows(Evidence evidence) {
    return Math.min(reservoirTokens, evidence.tokens());
  }

  /// This, and whatever `evidence` holds besides, so that nothing is lost when it is replaced. Of
  /// two reservoirs of one seed the larger stays, of two seeds the one asked for here.
  public EvidenceRequest and(Evidence evidence) {
    EnumSet<Statistic> union = EnumSet.copyOf(statistics);
    union.addAll(evidence.statistics());
    Set<LinearStatistic> all = LinearStatistic.copyOf(linears);
    all.addAll(evidence.linearStatistics());
    Sampling held = evidence.sampling();
    if (held == null || held.seed() == null || (reservoirTokens > 0 && !isDrawnAlike(held))) {
      return new EvidenceRequest(union, reservoirTokens, seed, all);
    }
    return new EvidenceRequest(union, Math.max(held.tokens(), reservoirTokens), held.seed(), all);
  }
}
