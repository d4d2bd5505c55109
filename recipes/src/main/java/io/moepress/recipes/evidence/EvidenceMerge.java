package io.moepress.recipes.evidence;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.LinearInput;
import io.moepress.recipes.evidence.Evidence.Domain;
import io.moepress.recipes.evidence.Evidence.Sampling;
import io.moepress.recipes.evidence.Statistic.Combination;
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

/// Evidence of several sets of texts as one: what measuring all of them in one run would have
/// given.
///
/// Domains stand one after the other, so the numbers for each expert and domain are exactly those
/// of the parts. Matrices are added: each element is off by no more than one rounding (2⁻⁵³ of it)
/// for each part beyond the first, from the sum of the parts. Reservoirs stand one after the other,
/// token indices counted on; they are one uniform sample only when they are in proportion to their
/// texts.
///
/// The large parts are added when they are asked for, a layer at a time.
public final class EvidenceMerge {
  private final List<Part> parts;
  private final Set<Statistic> statistics;
  private final boolean hasReservoir;

  /// Evidence to be merged.
  ///
  /// @param name what to call it in a message, usually its directory
  public record Part(String name, Evidence evidence) {}

  private EvidenceMerge(List<Part> parts) {
    this.parts = parts;
    EnumSet<Statistic> common = EnumSet.allOf(Statistic.class);
    parts.forEach(part -> common.retainAll(part.evidence().statistics()));
    this.statistics = Collections.unmodifiableSet(common);
    this.hasReservoir = parts.stream().allMatch(part -> part.evidence().sampling() != null);
  }

  /// Merges evidence of one checkpoint. What not all parts hold is left out.
  ///
  /// @param parts at least one, in the order in which their domains shall stand
  /// @throws io.moepress.formats.FormatException when the parts do not belong together, or hold the
  ///   same texts
  public static Evidence merge(List<Part> parts) {
    Checks.require(!parts.isEmpty(), "nothing to merge");
    Part first = parts.getFirst();
    for (Part other : parts) {
      requireAlike(first, other);
    }
    requireOtherTexts(parts);
    return new EvidenceMerge(List.copyOf(parts)).merged();
  }

  /// What some of the parts hold and others do not, by name.
  public static List<String> leftOut(List<Part> parts) {
    EvidenceMerge merge = new EvidenceMerge(parts);
    EnumSet<Statistic> some = EnumSet.noneOf(Statistic.class);
    parts.forEach(part -> some.addAll(part.evidence().statistics()));
    some.removeAll(merge.statistics);
    List<String> left = new ArrayList<>(Statistic.labels(some));
    EnumSet<LinearStatistic> someLinears = EnumSet.noneOf(LinearStatistic.class);
    parts.forEach(part -> someLinears.addAll(part.evidence().linearStatistics()));
    someLinears.removeAll(merge.commonLinears());
    left.addAll(LinearStatistic.labels(someLinears));
    if (!merge.hasReservoir && parts.stream().anyMatch(p -> p.evidence().sampling() != null)) {
      left.add(Reservoir.LABEL);
    }
    return left;
  }

  private static void requireAlike(Part first, Part other) {
    Evidence a = first.evidence();
    Evidence b = other.evidence();
    Checks.requireFormat(
        a.checkpoint().equals(b.checkpoint()),
        "%s was measured on checkpoint %s, %s on %s (expected one checkpoint). Calibrate both on"
            + " the same.",
        first.name(),
        a.checkpoint(),
        other.name(),
        b.checkpoint());
    Checks.requireFormat(
        a.maxTokens() == b.maxTokens(),
        "%s: texts cut at %d tokens, %s: at %d (expected the same). Calibrate one again with"
            + " --max-tokens %d.",
        first.name(),
        a.maxTokens(),
        other.name(),
        b.maxTokens(),
        a.maxTokens());
    requireUnchanged(first);
    requireUnchanged(other);
    Checks.requireFormat(
        experts(a).equals(experts(b)),
        "%s has experts in layers %s, %s in %s: damaged. Calibrate again.",
        first.name(),
        experts(a),
        other.name(),
        experts(b));
  }

  private static void requireUnchanged(Part part) {
    String decided = part.evidence().propagation();
    if (decided != null) {
      throw FormatException.of(
          "%s was measured while each layer was changed before the next (%s), which depends on all"
              + " texts together. Calibrate once on all of them.",
          part.name(), decided);
    }
  }

  private static SortedMap<Integer, Integer> experts(Evidence evidence) {
    SortedMap<Integer, Integer> experts = new TreeMap<>();
    evidence.layers().forEach((layer, values) -> experts.put(layer, values.experts()));
    return experts;
  }

  private static void requireOtherTexts(List<Part> parts) {
    for (int i = 0; i < parts.size(); i++) {
      for (Domain domain : parts.get(i).evidence().domains()) {
        for (Part earlier : parts.subList(0, i)) {
          Checks.requireFormat(
              earlier.evidence().domains().stream().noneMatch(seen -> isSame(seen, domain)),
              "%s and %s both hold domain %s with texts %s, which would count twice. Leave one of"
                  + " them out.",
              earlier.name(),
              parts.get(i).name(),
              domain.name(),
              domain.digest());
        }
      }
    }
  }

  private static boolean isSame(Domain a, Domain b) {
    return a.name().equals(b.name()) && a.digest().equals(b.digest());
  }

  private Evidence merged() {
    Evidence first = parts.getFirst().evidence();
    List<Domain> domains =
        parts.stream().flatMap(part -> part.evidence().domains().stream()).toList();
    SortedMap<Integer, Evidence.Layer> layers = new TreeMap<>();
    first.layers().forEach((layer, values) -> layers.put(layer, layer(layer, values.experts())));
    return new Evidence(
        first.checkpoint(),
        first.maxTokens(),
        domains,
        layers,
        hasReservoir ? sampling() : null,
        linears(),
        null);
  }

  private SortedMap<Integer, LinearSums> linears() {
    SortedMap<Integer, LinearSums> linears = new TreeMap<>();
    if (!commonLinears().isEmpty()) {
      for (int layer : parts.getFirst().evidence().linears().keySet()) {
        linears.put(layer, new AddedLinears(commonLinears(), linearsOf(layer)));
      }
    }
    return linears;
  }

  private Set<LinearStatistic> commonLinears() {
    EnumSet<LinearStatistic> common = EnumSet.allOf(LinearStatistic.class);
    parts.forEach(part -> common.retainAll(part.evidence().linearStatistics()));
    return common;
  }

  private List<LinearSums> linearsOf(int layer) {
    return parts.stream()
        .map(part -> part.evidence().linears().getOrDefault(layer, LinearSums.NONE))
        .toList();
  }

  /// What was gathered of the linear maps of a layer, added when it is asked for.
  private record AddedLinears(Set<LinearStatistic> statistics, List<LinearSums> parts)
      implements LinearSums {

    @Override
    public Set<LinearInput> inputs(LinearStatistic statistic) {
      return parts.getFirst().inputs(statistic);
    }

    @Override
    public double[][] sum(LinearStatistic statistic, LinearInput input) {
      double[][] sum = parts.getFirst().sum(statistic, input);
      for (LinearSums part : parts.subList(1, parts.size())) {
        add(statistic.label(), Combination.SUM, sum, part.sum(statistic, input));
      }
      return sum;
    }
  }

  private static void add(String label, Combination combination, double[][] sum, double[][] other) {
    for (int row = 0; row < sum.length; row++) {
      Checks.requireFormat(
          sum[row].length == other[row].length,
          "%s: rows of %d and of %d: not of one checkpoint",
          label,
          sum[row].length,
          other[row].length);
      for (int i = 0; i < sum[row].length; i++) {
        sum[row][i] = combination.of(sum[row][i], other[row][i]);
      }
    }
  }

  /// One part alone keeps its seed.
  private Sampling sampling() {
    Sampling first = samplingOf(parts.getFirst());
    int rows = parts.stream().mapToInt(part -> samplingOf(part).tokens()).reduce(0, Math::addExact);
    return new Sampling(rows, parts.size() == 1 ? first.seed() : null);
  }

  private static Sampling samplingOf(Part part) {
    Sampling sampling = part.evidence().sampling();
    if (sampling == null) {
      throw new IllegalStateException(part.name() + " has no reservoir");
    }
    return sampling;
  }

  private Evidence.Layer layer(int layer, int experts) {
    List<Evidence.Layer> layers =
        parts.stream().map(part -> part.evidence().layers().get(layer)).toList();
    Map<Statistic, double[][]> values = new EnumMap<>(Statistic.class);
    for (Statistic statistic : statistics) {
      if (!statistic.isMatrix()) {
        values.put(
            statistic,
            layers.stream()
                .flatMap(part -> Arrays.stream(part.byDomain(statistic)))
                .toArray(double[][]::new));
      }
    }
    return new Evidence.Layer(experts, values, new Added(layers));
  }

  /// The large parts of a layer, added when they are asked for.
  private final class Added implements LargeParts {
    private final List<Evidence.Layer> layers;

    Added(List<Evidence.Layer> layers) {
      this.layers = layers;
    }

    @Override
    public Set<Statistic> statistics() {
      EnumSet<Statistic> matrices = EnumSet.noneOf(Statistic.class);
      matrices.addAll(statistics);
      matrices.removeIf(statistic -> !statistic.isMatrix());
      return matrices;
    }

    @Override
    public double[][] matrix(Statistic statistic) {
      double[][] sum = layers.getFirst().matrix(statistic);
      for (Evidence.Layer layer : layers.subList(1, layers.size())) {
        add(statistic.label(), statistic.combination(), sum, layer.matrix(statistic));
      }
      return sum;
    }

    @Override
    public boolean hasReservoir() {
      return hasReservoir;
    }

    @Override
    public Reservoir reservoir() {
      int[] firstTokens = new int[parts.size()];
      int[] firstDomains = new int[parts.size()];
      for (int part = 1; part < firstTokens.length; part++) {
        Evidence before = parts.get(part - 1).evidence();
        firstTokens[part] = Math.addExact(firstTokens[part - 1], Math.toIntExact(before.tokens()));
        firstDomains[part] = firstDomains[part - 1] + before.domains().size();
      }
      return Reservoir.joined(
          layers.stream().map(Evidence.Layer::reservoir).toList(), firstTokens, firstDomains);
    }
  }
}
