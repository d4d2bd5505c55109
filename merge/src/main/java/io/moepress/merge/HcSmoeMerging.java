package io.moepress.merge;

import io.moepress.formats.Checks;
import io.moepress.merge.Clusters.Clustering;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.Alignment;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeMethod;
import io.moepress.recipes.plan.MergeOptions;
import io.moepress.recipes.plan.MergeRequest;
import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.MethodDescription.Option;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;

/// HC-SMoE: merges experts whose mean outputs are alike, however often they are chosen.
///
/// The distance of two experts is that of their mean outputs over **all** tokens, chosen or not and
/// without the gate:
///
/// ```
/// o_i = (1 / |R|) · Σ_{x ∈ R} f_i(x)      d(i, j) = ‖o_i − o_j‖₂
/// ```
///
/// The nearest clusters join until exactly so many are left as the budget says, in every layer. The
/// merged expert is the mean of its members, weighted by how many tokens chose each; a cluster that
/// no token chose is the plain mean, where a sum over counts would be divided by zero.
///
/// Source: Chen et al., "Retraining-Free Merging of Sparse MoE via Hierarchical Clustering",
/// arXiv:2410.08589; wazenmai/HC-SMoE `bd77eba`, `hcsmoe/merging`. Their scripts ask for
/// `hirarchical` clusters, which their code takes for k-means; their complete linkage joins the
/// farthest pair, their Ward linkage does not square distances, and their counts are of the top two
/// whatever the model uses. None of that is repeated here. They keep all router rows and let
/// several stand for one expert, which no stock runtime does; see
/// [io.moepress.recipes.plan.MergeRouter].
///
/// @param linkage how far clusters are apart
/// @param features by what experts are compared
/// @param weighting how members are averaged
public record HcSmoeMerging(Linkage linkage, Features features, Weighting weighting)
    implements MergeMethod {

  /// What there is to say about it.
  public static final MethodDescription DESCRIPTION =
      new MethodDescription(
          "hc-smoe",
          "nearest mean outputs over all tokens, `‖mean f_i − mean f_j‖`, joined cluster by"
              + " cluster; members are averaged by routed tokens",
          "For making a quarter to half of the experts go without deciding by how often they are"
              + " used, from a small sample of general text. Every expert is run on every token of"
              + " the reservoir.",
          "HC-SMoE, arXiv:2410.08589",
          "wazenmai/HC-SMoE bd77eba, hcsmoe/merging",
          List.of(
              Option.choice("linkage", Linkage.labels(), "how far clusters are apart", "average"),
              Option.choice(
                  "features", Features.labels(), "by what experts are compared", "outputs"),
              Option.choice("merge", Weighting.labels(), "how members are averaged", "frequency")),
          "- merge: {method: hc-smoe, experts: 16}");

  @Override
  public String name() {
    return DESCRIPTION.name();
  }

  @Override
  public Set<Statistic> needs() {
    EnumSet<Statistic> needs = EnumSet.of(Statistic.ROUTED_TOKENS);
    switch (features) {
      case OUTPUTS -> needs.add(Statistic.RESERVOIR_OUTPUT_SUM);
      case WEIGHTS -> {}
      case ROUTER_LOGITS -> needs.add(Statistic.ROUTER_LOGIT_GRAM);
    }
    if (weighting == Weighting.FIXED_DOMINANT) { // the dominant member is found by outputs
      needs.add(Statistic.RESERVOIR_OUTPUT_SUM);
    }
    return needs;
  }

  @Override
  public boolean needsReservoir() {
    return weighting == Weighting.FIXED_DOMINANT;
  }

  @Override
  public MergeOptions checked(MergeOptions options) {
    Checks.require(
        weighting != Weighting.FIXED_DOMINANT || options.align() == Alignment.NONE,
        "merge: fixed-dominant matches neurons by itself, so align: %s has no meaning. Leave one of"
            + " the two out",
        options.align().label());
    return options;
  }

  @Override
  public List<MergeExperts> plan(MergeRequest request) throws IOException {
    SortedMap<Integer, Integer> counts = LayerCounts.of(request);
    List<MergeExperts> steps = new ArrayList<>();
    for (Map.Entry<Integer, Evidence.Layer> entry : request.evidence().layers().entrySet()) {
      int layer = entry.getKey();
      Clustering clustering =
          new Agglomeration(distances(layer, entry.getValue(), request), linkage);
      Clusters clusters = Partition.of(layer, counts.getOrDefault(layer, 1), request, clustering);
      steps.add(new LayerMerge(layer, entry.getValue(), request, name()).of(clusters, weighting));
    }
    return steps;
  }

  private double[][] distances(int layer, Evidence.Layer evidence, MergeRequest request)
      throws IOException {
    return switch (features) {
      case OUTPUTS -> Distances.ofRows(Means.outputs(evidence, request.evidence()));
      case WEIGHTS -> Distances.ofWeights(request.model(), layer);
      case ROUTER_LOGITS ->
          Distances.ofProducts(
              evidence.matrix(Statistic.ROUTER_LOGIT_GRAM), (double) request.evidence().tokens());
    };
  }
}
