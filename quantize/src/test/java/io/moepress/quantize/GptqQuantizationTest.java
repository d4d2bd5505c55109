package io.moepress.quantize;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.integer.IntegerScheme;
import io.moepress.formats.tensor.DType;
import io.moepress.recipes.plan.CalibratedQuantization.Codes;
import io.moepress.recipes.plan.CalibratedQuantization.Weights;
import io.moepress.recipes.plan.HessianOptions;
import java.util.List;
import org.junit.jupiter.api.Test;

/// The method of a recipe is the arithmetic, matrix by matrix.
class GptqQuantizationTest {
  private static final int COLUMNS = 64;
  private static final IntegerScheme SCHEME = new IntegerScheme(3, false, 16);
  private static final GptqQuantization METHOD =
      new GptqQuantization(Gptq.DEFAULT, HessianOptions.DEFAULT);

  private final Weights gate = new Weights(Drawn.weights(24 * COLUMNS, 1), 24, SCHEME, DType.BF16);
  private final Weights up =
      new Weights(Drawn.weights(8 * COLUMNS, 2), 8, SCHEME.withBits(4), DType.BF16);

  @Test
  void eachMatrixHasTheCodesOfTheArithmetic() {
    double[] hessian = Drawn.hessian(COLUMNS, 3);
    double[] before = hessian.clone();

    List<Codes> codes = METHOD.encode(List.of(gate, up), hessian);

    assertThat(hessian).containsExactly(before);
    GptqFactor factor = Gptq.DEFAULT.factor(hessian, COLUMNS, Drawn.ALGEBRA);
    for (int i = 0; i < 2; i++) {
      Weights weights = List.of(gate, up).get(i);
      Gptq.Result expected =
          Gptq.DEFAULT.encode(
              weights.values(),
              weights.rows(),
              factor,
              StoredGrid.of(weights.scheme(), DType.BF16));
      assertThat(codes.get(i).matrix().words()).containsExactly(expected.matrix().words());
      assertThat(codes.get(i).loss()).isPositive().isEqualTo(expected.report().loss());
      assertThat(codes.get(i).damping()).isEqualTo(0.01);
      assertThat(codes.get(i).retries()).isZero();
    }
  }

  @Test
  void whatNobodyHasSeenIsRoundedToNearest() {
    List<Codes> codes = METHOD.encode(List.of(gate), new double[COLUMNS * COLUMNS]);

    assertThat(codes.getFirst().matrix().words())
        .containsExactly(
            new NearestRounding(new Extremes())
                .encode(gate.values(), gate.rows(), StoredGrid.of(SCHEME, DType.BF16))
                .words());
  }
}
