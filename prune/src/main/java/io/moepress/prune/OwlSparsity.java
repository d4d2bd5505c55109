package io.moepress.prune;

import io.moepress.formats.Checks;
import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.MethodDescription.Option;
import io.moepress.recipes.plan.SparsityMethod;
import io.moepress.recipes.plan.SparsityRequest;
import io.moepress.recipes.plan.ZeroPattern;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/// OWL: Wanda, with fewer zeros in layers that have more outliers.
///
/// ```
/// D_l = 100 · share of the S of layer l that exceed M · mean(S of layer l)
/// density_l = (1 − s) + 2λ · (D_l − D_min) / (D_max − D_min) − mean of the middle term
/// ```
///
/// `S` are Wanda's, of all linear maps in scope of a decoder layer together, as the model is before
/// any weight is changed. Here the norms in them are means over the tokens that a map saw, and not
/// over the calls in which it saw any: of a rare expert the latter are small for no other reason
/// than that it is rare, and would push its layer's mean down. Experts that saw no token are left
/// out.
///
/// Where all `D` are equal, so are the densities. A layer's sparsity is at least 1 % and at most 99
/// %, rounded to a millionth.
///
/// Source: Yin et al., arXiv:2310.05175; as the second stage of STUN, Lee et al., arXiv:2409.06211,
/// `OWL/lib/prune_all.py` of its authors' code.
///
/// @param lambda `λ`: densities differ by at most `2λ`
/// @param outlierThreshold `M`
public record OwlSparsity(double lambda, double outlierThreshold) implements SparsityMethod {
  /// What holds unless a recipe says otherwise.
  public static final double DEFAULT_LAMBDA = 0.08;

  /// What holds unless a recipe says otherwise.
  public static final double DEFAULT_OUTLIER_THRESHOLD = 3;

  /// What there is to say about it.
  public static final MethodDescription DESCRIPTION =
      new MethodDescription(
          "owl",
          "as `wanda`; layers with more outliers, `S` above `M` times their mean, keep more",
          "As wanda; at high sparsity better, for a second pass over the texts and two over the "
              + "weights.",
          "OWL, arXiv:2310.05175; second stage of STUN, arXiv:2409.06211",
          "OWL/lib/prune_all.py of STUN's authors",
          List.of(
              new Option(
                  "lambda",
                  "a number from 0 to 0.5",
                  "densities of layers differ by at most twice this",
                  "0.08"),
              new Option(
                  "outlier-threshold", "a number above 0", "what makes an outlier, `M`", "3")),
          "- sparsify: {method: owl, sparsity: 40%, lambda: 0.08, outlier-threshold: 3}");

  private static final double FLOOR = 0.01;
  private static final int DECIMALS = 6;

  public OwlSparsity {
    Checks.require(
        lambda >= 0 && lambda <= 0.5, "lambda: %s (expected 0 to 0.5)", Double.toString(lambda));
    Checks.require(
        outlierThreshold > 0 && Double.isFinite(outlierThreshold),
        "outlier-threshold: %s (expected more than 0)",
        Double.toString(outlierThreshold));
  }

  @Override
  public String name() {
    return DESCRIPTION.name();
  }

  @Override
  public void requireTaken(ZeroPattern pattern) {
    Checks.require(
        pattern.every() == 0,
        "%s (expected a share: owl changes it by layer). Use \"sparsity: 50%%\", or method wanda",
        pattern);
  }

  @Override
  public boolean comparesLayers() {
    return true;
  }

  @Override
  public SortedMap<Integer, ZeroPattern> patterns(SparsityRequest request) throws IOException {
    List<Integer> layers = request.layers();
    double[] outliers = new double[layers.size()];
    for (int i = 0; i < outliers.length; i++) {
      outliers[i] = OutlierShare.of(request, layers.get(i), outlierThreshold).percent();
    }
    double[] densities = densities(outliers, request.pattern().share().doubleValue(), lambda);
    SortedMap<Integer, ZeroPattern> patterns = new TreeMap<>();
    for (int i = 0; i < densities.length; i++) {
      double sparsity = Math.clamp(1 - densities[i], FLOOR, 1 - FLOOR);
      patterns.put(
          layers.get(i),
          ZeroPattern.of(BigDecimal.valueOf(sparsity).setScale(DECIMALS, RoundingMode.HALF_EVEN)));
    }
    return patterns;
  }

  /// The share of weights that each layer keeps.
  ///
  /// @param outliers `D`
  /// @param sparsity `s`
  static double[] densities(double[] outliers, double sparsity, double lambda) {
    double lowest = Double.POSITIVE_INFINITY;
    double highest = Double.NEGATIVE_INFINITY;
    for (double share : outliers) {
      lowest = Math.min(lowest, share);
      highest = Math.max(highest, share);
    }
    double[] densities = new double[outliers.length];
    double sum = 0;
    for (int i = 0; i < densities.length; i++) {
      double place = highest == lowest ? 0 : (outliers[i] - lowest) / (highest - lowest);
      densities[i] = 2 * lambda * place;
      sum += densities[i];
    }
    for (int i = 0; i < densities.length; i++) {
      densities[i] += 1 - sparsity - sum / densities.length;
    }
    return densities;
  }
}
