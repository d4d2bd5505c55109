package io.moepress.merge;

import io.moepress.formats.Checks;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.Allocation;
import io.moepress.recipes.plan.AllocationMode;
import io.moepress.recipes.plan.CountOptions;
import io.moepress.recipes.plan.KeepRatio;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeMethod;
import io.moepress.recipes.plan.MergeRequest;
import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.MethodDescription.Option;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;

/// Sub-MoE: clusters experts by the direction of their outputs and merges them in the space their
/// matrices share.
///
/// The similarity of two experts is the mean cosine of their outputs over all tokens of the
/// reservoir. Clusters are those of k-means on outputs of length 1, of which the similarities are
/// the scalar products. The matrices of a cluster, side by side, have the decomposition `[W_1 …
/// W_n] = U Σ [V_1 … V_n]ᵀ`; with the weighted mean of the `V_i` and `U` cut to rank `r`,
///
/// ```
/// W = U_r U_rᵀ · Σ_i n_i W_i / Σ_i n_i
/// ```
///
/// with `n_i` routed tokens, or the plain mean where there are none. **At full rank this is the
/// frequency-weighted mean**, as HC-SMoE forms it, and only the clusters are other ones.
///
/// With `whiten` the space is that of `[W_1 S_1 … W_n S_n]`, `S_i S_iᵀ = X_i X_iᵀ` over the inputs
/// `X_i` that member `i` gets: what the members make of what they read, instead of their weights.
/// The `S_i` cancel out of the mean, so that whitening decides about `U_r` and nothing else.
///
/// Source: "Sub-MoE: Efficient Mixture-of-Expert LLMs Compression via Subspace Expert Merging",
/// arXiv:2506.23266, sections 3.2 and 3.3. Their code is not public; nothing is known of the rank
/// they use. Their clusters over several layers are taken for what can be made of them in one:
/// numbers of experts; see [WindowCounts].
///
/// @param rank share of the rows of each matrix that the shared space may have; null: all
/// @param whiten whether the shared space is that of outputs; needs a rank
/// @param window how many layers are clustered together, to find out how many experts each is left
///   with; 1: each gets as many as the budget says
/// @param starts of k-means
/// @param seed of k-means
public record SubMoeMerging(
    @Nullable KeepRatio rank, boolean whiten, int window, int starts, long seed)
    implements MergeMethod {
  /// The most layers that are clustered together.
  public static final int LARGEST_WINDOW = 2;

  /// Starts of k-means unless a recipe says otherwise.
  public static final int DEFAULT_STARTS = 10;

  /// What there is to say about it.
  public static final MethodDescription DESCRIPTION =
      new MethodDescription(
          "sub-moe",
          "k-means on the direction of outputs, by `mean cos(f_i, f_j)` over all tokens; members are"
              + " averaged by routed tokens and projected on the space they share",
          "For comparison with `hc-smoe`: at full rank the two differ in their clusters only. A"
              + " lower rank takes away what the members do not share, and saves nothing on disk.",
          "Sub-MoE, arXiv:2506.23266",
          "",
          List.of(
              new Option(
                  "rank",
                  "a share such as `50%`, or `full`",
                  "share of the rows of a matrix that is kept",
                  "full"),
              Option.flag(
                  "whiten",
                  "whether the shared space is that of outputs on calibration tokens, and not of"
                      + " weights",
                  "false"),
              new Option(
                  "window",
                  "`1` or `2`",
                  "layers that share a budget; with 2, neighbours do, by clusters over both",
                  "1"),
              new Option(
                  "starts", "a whole number from 1 on", "how often k-means begins anew", "10"),
              new Option(
                  "seed",
                  "a whole number",
                  "decides where k-means begins",
                  "the seed of the recipe")),
          "- merge: {method: sub-moe, keep: 50%, rank: 50%}");

  public SubMoeMerging {
    Checks.require(
        !whiten || rank != null,
        "whiten: decides which space of lower rank is kept, and rank: full keeps all of it. Set a"
            + " rank, such as a half");
    Checks.require(starts >= 1, "starts: %d (expected at least 1)", starts);
    Checks.require(
        window >= 1 && window <= LARGEST_WINDOW,
        "window: %d (expected 1 to %d)",
        window,
        LARGEST_WINDOW);
  }

  @Override
  public String name() {
    return DESCRIPTION.name();
  }

  @Override
  public Set<Statistic> needs() {
    return Set.of(Statistic.ROUTED_TOKENS, Statistic.RESERVOIR_OUTPUT_COSINE_SUM);
  }

  @Override
  public boolean needsReservoir() {
    return window > 1 || whiten;
  }

  @Override
  public CountOptions checked(CountOptions counts) {
    Checks.require(
        window == 1
            || counts.allocation().equals(Optional.of(AllocationMode.GLOBAL))
            || counts.allocation().isEmpty(),
        "window: %d gives layers numbers of their own, so allocation: uniform has no meaning. Leave"
            + " one of the two out",
        window);
    return counts;
  }

  @Override
  public AllocationMode defaultAllocation() {
    return window == 1 ? AllocationMode.UNIFORM : AllocationMode.GLOBAL;
  }

  @Override
  public List<MergeExperts> plan(MergeRequest request) throws IOException {
    SortedMap<Integer, Integer> counts = counts(request);
    List<MergeExperts> steps = new ArrayList<>();
    GroupSpaces.Last last = new GroupSpaces.Last();
    for (Map.Entry<Integer, Evidence.Layer> entry : request.evidence().layers().entrySet()) {
      int layer = entry.getKey();
      double[][] cosines = Means.cosines(entry.getValue(), request.evidence());
      KernelMeans means = new KernelMeans(cosines, starts, seed + layer);
      Clusters clusters = Partition.of(layer, counts.getOrDefault(layer, 1), request, means);
      LayerMerge merge = new LayerMerge(layer, entry.getValue(), request, name());
      MergeExperts step = merge.of(clusters, Weighting.FREQUENCY);
      steps.add(rank == null ? step : cut(step, entry.getValue(), request, rank, last));
    }
    return steps;
  }

  private MergeExperts cut(
      MergeExperts step,
      Evidence.Layer evidence,
      MergeRequest request,
      KeepRatio share,
      GroupSpaces.Last last)
      throws IOException {
    GroupSpaces.Choice choice = new GroupSpaces.Choice(share, whiten);
    GroupSpaces spaces = new GroupSpaces(request.model(), step, evidence, choice, last);
    return SharedSpaces.cut(step, spaces, whiten);
  }

  private SortedMap<Integer, Integer> counts(MergeRequest request) throws IOException {
    return switch (request.allocation()) {
      case Allocation.EachLayer each -> each.counts();
      case Allocation.Global global ->
          window == 1
              ? LayerCounts.of(request)
              : new WindowCounts(request, window, starts, seed).of(global.total());
    };
  }
}
