package io.moepress.quantize;

import static io.moepress.recipes.evidence.Statistic.ROUTED_TOKENS;
import static io.moepress.recipes.evidence.Statistic.ROUTER_SCORE_SUM;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.BitAllocation;
import io.moepress.recipes.plan.BitCosts;
import io.moepress.recipes.plan.BitCosts.Item;
import io.moepress.recipes.plan.BitLimits;
import io.moepress.recipes.plan.BitMethod;
import io.moepress.recipes.plan.BitRequest;
import io.moepress.recipes.plan.BitScope;
import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.MethodDescription.Option;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeSet;

/// PMQ, the pre-loading mixed-precision quantisation of MC-MoE: an expert is worth as many bits as
/// it is often chosen, much relied on, and hurt by rounding.
///
/// ```
/// cost_i(b) = f_i^α · w_i^β · ε_i(b)^γ
/// ```
///
/// `f_i` is the share of the layer's choices that fell on expert `i`, `w_i` its share of their
/// router scores before renormalisation, and `ε_i(b)` the norm, over all tokens of the corpus, by
/// which the block's output changes when this expert's weights alone are rounded to `b` bits:
///
/// ```
/// ε_i(b)² = Σ_{x ∈ X_i} g_i(x)² · ‖f_i(x) − f_i^b(x)‖²
/// ```
///
/// In every layer at least one expert has each of the two largest widths. Without that hardly any
/// would have 2 bits: the step from 1 bit to 2 saves less than half of that from 2 to 3, costs are
/// not convex, and going up one bit at a time would be wrong. An expert that no token reached costs
/// nothing at any width.
///
/// Against the authors' code: `ε` is one norm over the corpus, which does not depend on how texts
/// are cut in batches, where theirs is a sum of the norms of batches. `γ` is an option of its own:
/// their solver raises `ε` to `α`, and with 1 their published widths follow.
///
/// Source: MC-MoE, arXiv:2410.06270; `precision_solver.py` and `expert_weight.py` of
/// Aaronhuang-778/MC-MoE at 7aa062c.
///
/// @param alpha power of the frequency, `α`
/// @param beta power of the router scores, `β`
/// @param gamma power of the error, `γ`
/// @param present how many of the largest widths every layer has to have
public record Pmq(double alpha, double beta, double gamma, int present) implements BitMethod {
  /// As published.
  public static final Pmq DEFAULT = new Pmq(1, 1.5, 1, 2);

  /// What there is to say about it.
  public static final MethodDescription DESCRIPTION =
      new MethodDescription(
          "pmq",
          "`f_i^α · w_i^β · ε_i(b)^γ`, with the shares of choices `f` and of router scores `w` in a"
              + " layer, and the change `ε` of the block's output when expert `i` is rounded to"
              + " `b` bits",
          "For 1.5 to 2.5 bits, where experts of a layer may differ, with texts of what the model"
              + " is for: experts they do not use are given next to nothing.",
          "MC-MoE, arXiv:2410.06270",
          "Aaronhuang-778/MC-MoE 7aa062c, precision_solver.py",
          List.of(
              new Option("alpha", "a number from 0 on", "power of the share of choices", "1"),
              new Option(
                  "beta", "a number from 0 on", "power of the share of router scores", "1.5"),
              new Option("gamma", "a number from 0 on", "power of the error", "1"),
              new Option(
                  "present",
                  "a whole number from 0 on",
                  "so many of the largest widths has every layer",
                  "2")),
          "- quantize: {method: round-to-nearest, allocate: pmq, bits: 2.5}");

  public Pmq {
    for (double power : new double[] {alpha, beta, gamma}) {
      Checks.require(
          power >= 0 && Double.isFinite(power),
          "pmq: a power of %s (expected 0 or more)",
          Double.toString(power));
    }
    Checks.require(present >= 0, "pmq: present: %d (expected 0 or more)", present);
  }

  @Override
  public String name() {
    return DESCRIPTION.name();
  }

  @Override
  public Set<Statistic> needs(List<Integer> widths) {
    Set<Statistic> needs = new TreeSet<>(Set.of(ROUTED_TOKENS, ROUTER_SCORE_SUM));
    widths.forEach(bits -> needs.add(Statistic.roundingError(bits)));
    return needs;
  }

  @Override
  public List<Integer> defaultWidths() {
    return List.of(1, 2, 3);
  }

  @Override
  public BitScope defaultScope() {
    return BitScope.LAYER;
  }

  @Override
  public BitAllocation allocate(BitCosts costs, BitLimits limits) {
    return BitProgramme.solve(costs, limits);
  }

  @Override
  public BitCosts costs(BitRequest request) {
    List<Item> items = new ArrayList<>();
    request
        .evidence()
        .layers()
        .forEach((layer, evidence) -> items.addAll(items(request, layer, evidence)));
    List<Integer> widths = request.widths();
    int first = Math.max(0, widths.size() - present);
    return new BitCosts(
        widths,
        items,
        new TreeSet<>(widths.subList(first, widths.size())),
        notes(SkipThresholds.of(request.evidence())));
  }

  /// The other half of MC-MoE is for runtimes, which find here what they would have to be told.
  private static List<String> notes(SortedMap<Integer, Double> thresholds) {
    if (thresholds.isEmpty()) {
      return List.of();
    }
    List<String> byLayer =
        thresholds.entrySet().stream()
            .map(entry -> Checks.text("%d: %.6f", entry.getKey(), entry.getValue()))
            .toList();
    return List.of(
        Checks.text(
            "pmq: a runtime may leave out the second expert of a token where its weight, divided by"
                + " that of the first, is below (layer: median ratio) %s",
            String.join(", ", byLayer)));
  }

  private List<Item> items(BitRequest request, int layer, Evidence.Layer evidence) {
    double[] frequency = shares(evidence.total(ROUTED_TOKENS)); // [E]
    double[] score = shares(evidence.total(ROUTER_SCORE_SUM)); // [E]
    List<double[]> squares = // [widths][E]
        request.widths().stream()
            .map(bits -> evidence.total(Statistic.roundingError(bits)))
            .toList();
    long weights = weights(request.model());
    List<Item> items = new ArrayList<>();
    for (int i = 0; i < evidence.experts(); i++) {
      int expert = i;
      double importance = Math.pow(frequency[i], alpha) * Math.pow(score[i], beta);
      List<Double> costs =
          squares.stream().map(square -> importance * Math.pow(square[expert], gamma / 2)).toList();
      items.add(new Item(layer, expert, null, weights, costs));
    }
    return items;
  }

  /// Divided by their sum; zeros stay zeros.
  private static double[] shares(double[] values) {
    double sum = Arrays.stream(values).sum();
    return sum == 0 ? values : Arrays.stream(values).map(value -> value / sum).toArray();
  }

  /// Weights of an expert.
  private static long weights(MoeModel model) {
    return ExpertTensor.of(model.layout()).stream().mapToLong(ExpertTensor::weights).sum();
  }
}
