package io.moepress.recipes.evidence;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.MoeModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// What calibration saw of a checkpoint, layer by layer and domain by domain. Immutable.
///
/// @param checkpoint fingerprint of the checkpoint that was measured
/// @param maxTokens where texts were cut
/// @param domains the corpora, in the order of the arrays
/// @param layers by decoder layer index; only layers with routed experts appear
/// @param sampling how the reservoir was drawn that every layer holds; null without one
/// @param linears what the linear maps of every decoder layer read, with and without experts; empty
///   where that was not gathered
/// @param propagation what was done to each layer, once it was measured, before those behind it
///   were: text that says all of it; null: nothing, and every layer saw what the checkpoint gives
public record Evidence(
    String checkpoint,
    int maxTokens,
    List<Domain> domains,
    SortedMap<Integer, Layer> layers,
    @Nullable Sampling sampling,
    SortedMap<Integer, LinearSums> linears,
    @Nullable String propagation) {

  public Evidence {
    domains = List.copyOf(domains);
    layers = Collections.unmodifiableSortedMap(new TreeMap<>(layers));
    linears = Collections.unmodifiableSortedMap(new TreeMap<>(linears));
  }

  /// Evidence of the checkpoint as it is, with nothing about linear maps.
  public Evidence(
      String checkpoint,
      int maxTokens,
      List<Domain> domains,
      SortedMap<Integer, Layer> layers,
      @Nullable Sampling sampling) {
    this(checkpoint, maxTokens, domains, layers, sampling, new TreeMap<>(), null);
  }

  /// Evidence without a reservoir.
  public Evidence(
      String checkpoint, int maxTokens, List<Domain> domains, SortedMap<Integer, Layer> layers) {
    this(checkpoint, maxTokens, domains, layers, null);
  }

  /// Evidence of nothing: layers without statistics.
  public static Evidence of(MoeModel model) {
    SortedMap<Integer, Layer> layers = new TreeMap<>();
    for (int layer : model.layout().moeLayers()) {
      layers.put(layer, new Layer(model.layout().experts(layer), Map.of()));
    }
    return new Evidence("", 0, List.of(), layers);
  }

  /// A corpus that was measured.
  ///
  /// @param name the name a recipe gave it
  /// @param digest `sha256:…` of its token ids
  /// @param sequences number of texts
  /// @param tokens number of tokens
  public record Domain(String name, String digest, long sequences, long tokens) {}

  /// How a reservoir was drawn.
  ///
  /// @param tokens rows in every layer, `R`
  /// @param seed what decided which; null when reservoirs were joined
  public record Sampling(int tokens, @Nullable Long seed) {}

  /// One layer with experts.
  ///
  /// @param experts number of routed experts, `E`
  /// @param values `[domains][E]` for each statistic that is no matrix; not copied, do not change
  /// @param parts matrices and reservoir
  public record Layer(int experts, Map<Statistic, double[][]> values, LargeParts parts) {

    public Layer {
      Map<Statistic, double[][]> ordered = new EnumMap<>(Statistic.class);
      ordered.putAll(values);
      ordered
          .keySet()
          .forEach(statistic ->
              Checks.require(
                  !statistic.isMatrix(), "%s is a matrix, not a value", statistic.label()));
      values = Collections.unmodifiableMap(ordered);
    }

    /// A layer without matrices and reservoir.
    public Layer(int experts, Map<Statistic, double[][]> values) {
      this(experts, values, LargeParts.NONE);
    }

    /// The statistics it holds.
    public Set<Statistic> statistics() {
      EnumSet<Statistic> held = EnumSet.noneOf(Statistic.class);
      held.addAll(values.keySet());
      held.addAll(parts.statistics());
      return held;
    }

    /// The values of `statistic`, which is no matrix, over all domains together, `[E]`.
    ///
    /// @throws MissingEvidenceException when it was not gathered
    public double[] total(Statistic statistic) {
      double[] total = new double[experts];
      for (double[] domain : byDomain(statistic)) {
        for (int expert = 0; expert < experts; expert++) {
          total[expert] = statistic.combination().of(total[expert], domain[expert]);
        }
      }
      return total;
    }

    /// The values of `statistic`, which is no matrix, for each domain, `[domains][E]`; a copy.
    ///
    /// @throws MissingEvidenceException when it was not gathered
    public double[][] byDomain(Statistic statistic) {
      Checks.require(!statistic.isMatrix(), "%s is not kept by domain", statistic.label());
      double[][] found = values.get(statistic);
      if (found == null) {
        throw missing(List.of(statistic.label()), statistics());
      }
      return Arrays.stream(found).map(double[]::clone).toArray(double[][]::new);
    }

    /// A matrix over all domains, `[E]` rows; a copy. It may be read from a file for this.
    ///
    /// @throws MissingEvidenceException when it was not gathered
    public double[][] matrix(Statistic statistic) {
      Checks.require(statistic.isMatrix(), "%s is no matrix", statistic.label());
      if (!parts.statistics().contains(statistic)) {
        throw missing(List.of(statistic.label()), statistics());
      }
      return parts.matrix(statistic);
    }

    /// The sample of inputs. It may be read from a file for this.
    ///
    /// @throws MissingEvidenceException when there is none
    public Reservoir reservoir() {
      if (!parts.hasReservoir()) {
        throw missing(List.of(Reservoir.LABEL), statistics());
      }
      return parts.reservoir();
    }
  }

  /// Number of tokens of all domains.
  public long tokens() {
    return domains.stream().mapToLong(Domain::tokens).sum();
  }

  /// The statistics that every layer holds.
  public Set<Statistic> statistics() {
    EnumSet<Statistic> held = EnumSet.allOf(Statistic.class);
    layers.values().forEach(layer -> held.retainAll(layer.statistics()));
    return held;
  }

  /// What every layer holds of its linear maps.
  public Set<LinearStatistic> linearStatistics() {
    EnumSet<LinearStatistic> held =
        linears.isEmpty()
            ? EnumSet.noneOf(LinearStatistic.class)
            : EnumSet.allOf(LinearStatistic.class);
    linears.values().forEach(layer -> held.retainAll(layer.statistics()));
    return held;
  }

  /// Everything about one decoder layer.
  public LayerEvidence layer(int layer) {
    return new LayerEvidence(
        layer, tokens(), layers.get(layer), linears.getOrDefault(layer, LinearSums.NONE));
  }

  /// Makes sure that everything is there that will be asked for. Any reservoir will do.
  ///
  /// @throws MissingEvidenceException that names all that is not there
  public void requireHeld(EvidenceRequest needed) {
    EnumSet<Statistic> absent = EnumSet.copyOf(needed.statistics());
    absent.removeAll(statistics());
    List<String> labels = new ArrayList<>(Statistic.labels(absent));
    Set<LinearStatistic> absentLinears = LinearStatistic.copyOf(needed.linears());
    absentLinears.removeAll(linearStatistics());
    labels.addAll(LinearStatistic.labels(absentLinears));
    if (needed.reservoirTokens() > 0 && sampling == null) {
      labels.add(Reservoir.LABEL);
    }
    if (!labels.isEmpty()) {
      throw missing(labels, statistics());
    }
  }

  private static MissingEvidenceException missing(List<String> absent, Set<Statistic> held) {
    List<String> statistics = new ArrayList<>(absent);
    boolean reservoir = statistics.remove(Reservoir.LABEL);
    StringBuilder options = new StringBuilder();
    if (!statistics.isEmpty()) {
      options.append(" --statistics default,").append(String.join(",", statistics));
    }
    if (reservoir) {
      options.append(" --reservoir-tokens ").append(EvidenceRequest.DEFAULT_RESERVOIR_TOKENS);
    }
    return new MissingEvidenceException(
        Checks.text(
            "the evidence has no %s (it has: %s). Calibrate again, with%s.",
            String.join(", ", absent), String.join(", ", Statistic.labels(held)), options));
  }
}
