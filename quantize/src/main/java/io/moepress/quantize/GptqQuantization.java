package io.moepress.quantize;

import io.moepress.recipes.linear.LinearAlgebra;
import io.moepress.recipes.plan.CalibratedQuantization;
import io.moepress.recipes.plan.HessianOptions;
import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.MethodDescription.Option;
import io.moepress.recipes.plan.StarvedCodes;
import java.util.List;

/// GPTQ: weights of later columns make up for the errors of earlier ones, so that the outputs on
/// real inputs change little. See [Gptq] for the formulas.
///
/// With a power of 1 tokens count in the Hessian by their routing weight (MoEQuant's AGQ,
/// arXiv:2505.03804).
///
/// Source: GPTQ, Frantar et al., arXiv:2210.17323.
///
/// @param gptq rounds a matrix
/// @param hessians how inputs are looked at
public record GptqQuantization(Gptq gptq, HessianOptions hessians)
    implements CalibratedQuantization {
  /// What there is to say about it.
  public static final MethodDescription DESCRIPTION =
      new MethodDescription(
          "gptq",
          "column by column the nearest value; later columns make up for the error on the inputs that"
              + " were seen",
          "Better than rounding to nearest at 4 bits and far better below. Wants texts like those the"
              + " model is for; experts that few of them reach gain little.",
          "GPTQ, arXiv:2210.17323; gate weights: MoEQuant, arXiv:2505.03804",
          "https://github.com/IST-DASLab/gptq",
          List.of(
              new Option(
                  "damping",
                  "a number from 0 on",
                  "share of the mean square of the inputs that is added to each of them",
                  "0.01"),
              new Option(
                  "retries",
                  "a whole number from 0 on",
                  "how often the damping may be raised, ten times as much each time, where there is no"
                      + " factorisation",
                  "3"),
              Option.choice(
                  "order",
                  List.of("stored", "activation"),
                  "`activation`: weights with large inputs are rounded first; `stored`: as they lie",
                  "activation"),
              Option.choice(
                  "scales",
                  List.of("extremes", "search"),
                  "`extremes`: grids reach from the smallest to the largest weight; `search`: as far"
                      + " as errors are least",
                  "extremes"),
              new Option(
                  "gate-power",
                  "`0` or `1`",
                  "power of the routing weight by which a token counts",
                  "0"),
              Option.flag(
                  "sequential",
                  "whether each layer is measured behind its predecessors as they will be",
                  "true"),
              new Option(
                  "min-tokens",
                  "a whole number from 1 on",
                  "an expert that fewer tokens chose is starved",
                  "1"),
              Option.choice(
                  "starved",
                  StarvedCodes.labels(),
                  "what becomes of starved experts; `fail`: nothing is quantised",
                  "round-to-nearest")),
          "- quantize: {method: gptq, scheme: W4A16, group-size: 128}");

  @Override
  public String name() {
    return DESCRIPTION.name();
  }

  @Override
  public List<Codes> encode(List<Weights> weights, double[] hessian) {
    Weights first = weights.getFirst();
    int columns = first.values().length / first.rows();
    GptqFactor factor = gptq.factor(hessian, columns, LinearAlgebra.best());
    return weights.stream().map(matrix -> encode(matrix, factor)).toList();
  }

  private Codes encode(Weights weights, GptqFactor factor) {
    StoredGrid grid = StoredGrid.of(weights.scheme(), weights.scaleType());
    Gptq.Result result = gptq.encode(weights.values(), weights.rows(), factor, grid);
    Gptq.Report report = result.report();
    return new Codes(result.matrix(), report.loss(), report.damping(), report.retries());
  }
}
