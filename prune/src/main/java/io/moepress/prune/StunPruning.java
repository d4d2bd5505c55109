package io.moepress.prune;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.ExpertGroups;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.Allocation;
import io.moepress.recipes.plan.AllocationMode;
import io.moepress.recipes.plan.ExpertStep;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeExperts.Group;
import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.MethodDescription.Option;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.plan.PruneRequest;
import io.moepress.recipes.plan.RouterMode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;

/// STUN, first stage: gathers experts that behave alike in clusters, and keeps one expert of each.
///
/// Two experts are alike when the router treats them alike ([BehaviourDistance]); what they compute
/// is not looked at, so with distances of router rows no calibration is needed. Clusters come from
/// a greedy clustering below a threshold `τ` ([VetoClustering]). For a budget over all layers one
/// `τ` is searched ([ThresholdSearch]), and layers lose different numbers; where each layer has its
/// own number, each has its own `τ`, and uniting stops when the number is reached.
///
/// Of a cluster stays the expert whose weights are nearest to the mean of all ([Representative]),
/// with its router row. A cluster that [Averaging] speaks of becomes the mean of its members
/// instead, and its router row the mean of theirs.
///
/// The second stage, unstructured sparsity, is a step of its own.
///
/// Source: STUN, arXiv:2409.06211, section 4; thnkinbtfly/STUN `21b0153`, `merge_weight.py`,
/// `assemble_logit_patterns.py`. Differences: co-activation counts pairs in the top-k of the model,
/// where the code looks at the first two choices; clusters are listed by their smallest member,
/// where the code has the order of a Python set; where the search finds no `τ` for the wanted
/// number, the nearest is taken, where the code gives up.
///
/// @param distance how experts are compared
/// @param averaging which clusters become a mean
public record StunPruning(BehaviourDistance distance, Averaging averaging) implements PruneMethod {

  /// What there is to say about it.
  public static final MethodDescription DESCRIPTION =
      new MethodDescription(
          "stun",
          "no score: clusters of experts at small distance `‖R_i − R_j‖₂ / ‖R‖_F` of router rows, or"
              + " seldom apart in the top-k; of each cluster the expert nearest to its mean stays",
          "For models with very many experts, when there is no data to calibrate on: it looks at the"
              + " router alone. Follow it with a sparsify step for the second stage.",
          "STUN, arXiv:2409.06211, first stage",
          "thnkinbtfly/STUN 21b0153, merge_weight.py",
          List.of(
              Option.choice(
                  "distance",
                  List.of("router", "coactivation", "mixed"),
                  "`router`: `‖R_i − R_j‖₂`; `coactivation`: `−a_ij`, with `a_ij` tokens that chose"
                      + " both; `mixed`: `mix-weight · (−a_ij / mean a) + ‖R_i − R_j‖₂`",
                  "router"),
              Option.flag(
                  "normalise",
                  "whether distances of rows are divided by `‖R‖_F`, and `a` by its mean, so that one"
                      + " threshold means the same in every layer",
                  "true"),
              new Option(
                  "mix-weight",
                  "a number above 0",
                  "weight of co-activation in a mixed distance",
                  "1"),
              new Option(
                  "average-layers-up-to",
                  "a whole number from 0 on",
                  "in layers with so many clusters or fewer, clusters become means, of weights and of"
                      + " router rows (κ as the authors' code reads it)",
                  "0"),
              new Option(
                  "average-clusters-up-to",
                  "a whole number from 0 on",
                  "clusters of so many experts or fewer become means (κ as the paper's text reads)",
                  "0")),
          "- prune: {method: stun, keep: 75%}");

  /// Which clusters become the mean of their members: the paper's `κ`, in both readings.
  ///
  /// @param layersUpTo all clusters of a layer that has at most so many clusters: the reading of
  ///   the authors' code
  /// @param clustersUpTo clusters of at most so many members: the reading of the paper's text
  public record Averaging(int layersUpTo, int clustersUpTo) {
    /// Every cluster has a representative.
    public static final Averaging NEVER = new Averaging(0, 0);

    public Averaging {
      Checks.require(layersUpTo >= 0, "average-layers-up-to: %d (expected 0 or more)", layersUpTo);
      Checks.require(
          clustersUpTo >= 0, "average-clusters-up-to: %d (expected 0 or more)", clustersUpTo);
      Checks.require(
          layersUpTo == 0 || clustersUpTo == 0,
          "both average-layers-up-to and average-clusters-up-to (expected one reading of κ)");
    }

    boolean averages(int clusters, int members) {
      return clusters <= layersUpTo || members <= clustersUpTo;
    }
  }

  @Override
  public String name() {
    return DESCRIPTION.name();
  }

  @Override
  public Set<Statistic> needs() {
    return distance.needs();
  }

  @Override
  public AllocationMode defaultAllocation() {
    return AllocationMode.GLOBAL;
  }

  @Override
  public List<ExpertStep> plan(PruneRequest request) throws IOException {
    if (request.router() == RouterMode.MASK) {
      throw new PlanMismatchException(
          "stun: router: mask (expected slice): it makes one expert of several. Use \"router:"
              + " slice\".");
    }
    SortedMap<Integer, double[][]> distances = new TreeMap<>();
    for (Map.Entry<Integer, Evidence.Layer> entry : request.evidence().layers().entrySet()) {
      distances.put(entry.getKey(), distances(entry.getKey(), entry.getValue(), request));
    }
    SortedMap<Integer, Integer> counts =
        switch (request.allocation()) {
          case Allocation.EachLayer(SortedMap<Integer, Integer> given) -> given;
          case Allocation.Global(int total) -> counts(distances, total, request);
        };
    List<ExpertStep> steps = new ArrayList<>();
    for (Map.Entry<Integer, double[][]> entry : distances.entrySet()) {
      int layer = entry.getKey();
      steps.add(
          merge(
              layer,
              clusters(layer, entry.getValue(), Objects.requireNonNull(counts.get(layer)), request),
              request));
    }
    return steps;
  }

  /// Distances of a layer; experts that must not be united are infinitely far from each other:
  /// guarded ones from all, and those of different routing groups.
  private double[][] distances(int layer, Evidence.Layer evidence, PruneRequest request)
      throws IOException {
    TensorId router = TensorId.ofLayer(TensorRole.ROUTER, layer);
    double[][] distances = distance.of(() -> RouterRows.read(request.model(), router), evidence);
    Set<Integer> guarded = request.guardedIn(layer);
    int size = request.layout().groups().size(distances.length);
    for (int i = 0; i < distances.length; i++) {
      for (int j = 0; j < distances.length; j++) {
        if (guarded.contains(i) || guarded.contains(j) || i / size != j / size) {
          distances[i][j] = Double.POSITIVE_INFINITY;
        }
      }
    }
    return distances;
  }

  /// How many clusters of each layer one threshold for all gives; where the router chooses by
  /// groups, the nearest multiple of their number.
  private static SortedMap<Integer, Integer> counts(
      SortedMap<Integer, double[][]> distances, int total, PruneRequest request) {
    SortedMap<Integer, VetoClustering> layers = new TreeMap<>();
    distances.forEach((layer, matrix) -> layers.put(layer, new VetoClustering(matrix)));
    SortedMap<Integer, Integer> least = new TreeMap<>();
    ExpertGroups groups = request.layout().groups();
    int fewest =
        groups.count() == 1
            ? request.layout().topK()
            : groups.count() * groups.smallestSize(request.layout().topK());
    distances.keySet().forEach(layer -> least.put(layer, fewest));
    SortedMap<Integer, Integer> counts = new TreeMap<>();
    new ThresholdSearch(layers, least)
        .clusters(total)
        .forEach((layer, clusters) -> counts.put(layer, inGroups(clusters.size(), groups)));
    return counts;
  }

  private static int inGroups(int count, ExpertGroups groups) {
    return Math.max(1, Math.round((float) count / groups.count())) * groups.count();
  }

  /// Exactly `count` clusters of a layer, equally many of each routing group.
  private static List<List<Integer>> clusters(
      int layer, double[][] distances, int count, PruneRequest request) {
    ExpertGroups groups = request.layout().groups();
    int size = groups.size(distances.length);
    int stay = groups.size(count);
    List<List<Integer>> clusters = new ArrayList<>();
    for (int group = 0; group < groups.count(); group++) {
      int first = group * size;
      int[] members = IntStream.range(first, first + size).toArray();
      for (List<Integer> cluster : exactly(layer, part(distances, members), stay)) {
        clusters.add(cluster.stream().map(place -> members[place]).toList());
      }
    }
    clusters.sort(Comparator.comparingInt(List::getFirst));
    return clusters;
  }

  private static double[][] part(double[][] distances, int[] members) {
    double[][] part = new double[members.length][members.length];
    for (int i = 0; i < members.length; i++) {
      for (int j = 0; j < members.length; j++) {
        part[i][j] = distances[members[i]][members[j]];
      }
    }
    return part;
  }

  private static List<List<Integer>> exactly(int layer, double[][] distances, int count) {
    SortedMap<Integer, VetoClustering> alone =
        new TreeMap<>(Map.of(layer, new VetoClustering(distances)));
    List<List<Integer>> clusters =
        Objects.requireNonNull(
            new ThresholdSearch(alone, new TreeMap<>(Map.of(layer, count)))
                .clusters(count)
                .get(layer));
    if (clusters.size() != count) {
      throw new PlanMismatchException(
          "stun: layer %d: %d experts cannot be united to fewer than %d (expected %d): too many"
              + " are protected. Keep more, or protect fewer.",
          layer, distances.length, clusters.size(), count);
    }
    return clusters;
  }

  private MergeExperts merge(int layer, List<List<Integer>> clusters, PruneRequest request)
      throws IOException {
    Representative representative = new Representative(request.model(), layer);
    List<Group> groups = new ArrayList<>();
    boolean mean = false;
    for (List<Integer> members : clusters) {
      boolean averaged = members.size() > 1 && averaging.averages(clusters.size(), members.size());
      mean |= averaged;
      groups.add(
          averaged ? Group.mean(members) : Group.represented(members, representative.of(members)));
    }
    return new MergeExperts(layer, name(), mean ? "mean" : "representative", groups);
  }
}
