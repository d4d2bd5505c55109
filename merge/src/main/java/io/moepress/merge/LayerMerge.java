package io.moepress.merge;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.Architecture.Router;
import io.moepress.formats.architecture.Architecture.RouterScore;
import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.Gating;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.tensor.Shape;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.linear.LinearAlgebra;
import io.moepress.recipes.plan.Alignment;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeExperts.Group;
import io.moepress.recipes.plan.MergeRequest;
import io.moepress.recipes.plan.MergeRouter;
import io.moepress.recipes.plan.MergeRule;
import io.moepress.recipes.plan.PlanArray;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/// What it takes to merge the clusters of one layer: shares, router rows, and which neuron goes
/// with which.
///
/// @param layer decoder layer index
/// @param evidence what calibration saw of it
/// @param request what is asked
/// @param method the name of the method
record LayerMerge(int layer, Evidence.Layer evidence, MergeRequest request, String method) {
  /// Tokens on which activations are compared; more neither cost memory nor change much.
  static final int PATTERN_TOKENS = 512;

  /// Makes the step.
  MergeExperts of(Clusters clusters, Weighting weighting) throws IOException {
    double[] counts = evidence.total(Statistic.ROUTED_TOKENS);
    MergeRouter router = request.options().router();
    List<Group> groups = new ArrayList<>();
    for (List<Integer> members : clusters.members()) {
      List<Double> rows =
          switch (router) {
            case DOMINANT -> only(members, mostUsed(members, counts));
            case MEAN -> Weighting.MEAN.shares(members, counts);
            case FREQUENCY_MEAN -> Weighting.FREQUENCY.shares(members, counts);
            case MAP -> members.stream().map(_ -> 1.0).toList(); // each keeps its own
          };
      groups.add(
          new Group(members, weighting.shares(members, counts), rows, routerBias(members, counts)));
    }
    return new MergeExperts(
        layer, method, router.label(), groups, rule(clusters, weighting, counts), clusters.joins());
  }

  /// What makes one router row draw what several drew, where the architecture has a router bias:
  /// `n` members of equal logits `z` hold `n · e^z = e^(z + ln n)` of the sum of a softmax. Of a
  /// dominant member it is known how often it was chosen, so there `ln(Σ n_i / n_dominant)` is
  /// added, which is the same where members are chosen equally often.
  private double routerBias(List<Integer> members, double[] counts) {
    Router router = request.layout().architecture().router();
    boolean adds =
        request.layout().has(TensorRole.ROUTER_BIAS) && router.score() != RouterScore.SIGMOID;
    if (!adds || members.size() == 1) {
      return 0;
    }
    double total = members.stream().mapToDouble(member -> counts[member]).sum();
    double most = counts[mostUsed(members, counts)];
    double alike = Math.log(members.size());
    return switch (request.options().router()) {
      case DOMINANT -> most == 0 ? alike : Math.log(total / most);
      case MEAN, FREQUENCY_MEAN -> alike;
      case MAP -> 0; // all rows stay
    };
  }

  private static List<Double> only(List<Integer> members, int one) {
    return members.stream().map(member -> member == one ? 1.0 : 0.0).toList();
  }

  /// Ties keep the lower index.
  private static int mostUsed(List<Integer> members, double[] counts) {
    int most = members.getFirst();
    for (int member : members) {
      most = counts[member] > counts[most] ? member : most;
    }
    return most;
  }

  private MergeRule rule(Clusters clusters, Weighting weighting, double[] counts)
      throws IOException {
    Alignment align = request.options().align();
    if (weighting != Weighting.FIXED_DOMINANT && align == Alignment.NONE) {
      return MergeRule.MEAN;
    }
    Places places =
        new Places(
            request.layout().experts(layer), request.layout().dimension(Dimension.EXPERT_WIDTH));
    NeuronMatching matching =
        new NeuronMatching(new ExpertFunction(LinearAlgebra.best(), Gating.of(request.layout())));
    for (List<Integer> members : clusters.members()) {
      if (members.size() > 1) {
        int dominant =
            weighting == Weighting.FIXED_DOMINANT
                ? nearestToMean(members)
                : mostUsed(members, counts);
        match(members, dominant, weighting, matching, places);
      }
    }
    return new MergeRule(
        PlanArray.ints(
            Checks.text("layer %d: places of neurons", layer),
            Shape.of(places.experts(), places.width()),
            places::all),
        null);
  }

  /// The member whose mean output is nearest to the mean of all members'.
  private int nearestToMean(List<Integer> members) {
    double[][] outputs = Means.outputs(evidence, request.evidence());
    double[] mean = new double[outputs[0].length];
    for (int member : members) {
      for (int i = 0; i < mean.length; i++) {
        mean[i] += outputs[member][i] / members.size();
      }
    }
    double[][] rows =
        IntStream.rangeClosed(0, members.size())
            .mapToObj(i -> i == 0 ? mean : outputs[members.get(i - 1)])
            .toArray(double[][]::new);
    double[] distances = Distances.ofRows(rows)[0];
    int nearest = 1;
    for (int i = 2; i < distances.length; i++) {
      nearest = distances[i] < distances[nearest] ? i : nearest;
    }
    return members.get(nearest - 1);
  }

  private void match(
      List<Integer> members,
      int dominant,
      Weighting weighting,
      NeuronMatching matching,
      Places places)
      throws IOException {
    boolean byWeights =
        weighting != Weighting.FIXED_DOMINANT && request.options().align() == Alignment.WEIGHTS;
    double[] inputs =
        byWeights ? new double[0] : NeuronMatching.sample(evidence.reservoir(), PATTERN_TOKENS);
    ExpertWeights to = ExpertWeights.read(request.model(), layer, dominant);
    double[] patterns = byWeights ? inputs : matching.patterns(to, inputs);
    for (int member : members) {
      if (member != dominant) {
        ExpertWeights from = ExpertWeights.read(request.model(), layer, member);
        double[] similarity =
            byWeights
                ? matching.byWeights(to, from)
                : matching.correlations(patterns, matching.patterns(from, inputs), to.width());
        places.put(
            member,
            weighting == Weighting.FIXED_DOMINANT
                ? NeuronMatching.toNearest(similarity, to.width())
                : NeuronMatching.oneToOne(similarity, to.width()));
      }
    }
  }
}
