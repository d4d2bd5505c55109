package io.moepress.quantize;

import io.moepress.recipes.linear.LinearAlgebra;
import io.moepress.recipes.plan.CalibratedQuantization;
import io.moepress.recipes.plan.HessianOptions;
import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.MethodDescription.Option;
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
              new Option("damping", "share of the mean input square that is added", "0.01"),
              new Option("retries", "how often the damping may be raised", "3"),
              new Option("order", "activation: large inputs first, or stored", "activation"),
              new Option(
                  "scales", "extremes, or search for the best grid of each group", "extremes"),
              new Option("gate-power", "power of the routing weight by which tokens count", "0"),
              new Option("sequential", "measure each layer behind quantised ones", "true"),
              new Option("min-tokens", "an expert with fewer tokens is starved", "1"),
              new Option(
                  "starved",
                  "round-to-nearest, or fail: what becomes of such",
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
