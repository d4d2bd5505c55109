package io.moepress.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.moepress.formats.FormatException;
import io.moepress.recipes.linear.HessianSum;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/// Inputs are small whole numbers here, of which every sum is exact.
class HessianSumTest {
  private static final int COLUMNS = 300; // more than one panel
  private static final int TOKENS = 520; // more than two blocks

  private static HessianSum sum(int columns) {
    return new HessianSum(columns, Drawn.ALGEBRA);
  }

  private static float[] inputs(int tokens, int columns, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] inputs = new float[tokens * columns];
    for (int i = 0; i < inputs.length; i++) {
      inputs[i] = random.nextInt(-8, 9);
    }
    return inputs;
  }

  @Test
  void isTheSumOfProducts() {
    HessianSum sum = sum(2);
    sum.add(new float[] {1, 2, 3, -1});
    sum.add(new float[] {0, 10});

    assertThat(sum.hessian()).containsExactly(1 + 9, 2 - 3, 2 - 3, 4 + 1 + 100);
    assertThat(sum.tokens()).isEqualTo(3);
    assertThat(sum.weight()).isEqualTo(3);
  }

  @Test
  void weightsMultiplyTokens() {
    HessianSum sum = sum(2);
    sum.add(new float[] {1, 2, 3, -1}, new double[] {0.5, 2});

    assertThat(sum.hessian()).containsExactly(0.5 + 18, 1 - 6, 1 - 6, 2 + 2);
    assertThat(sum.tokens()).isEqualTo(2);
    assertThat(sum.weight()).isEqualTo(2.5);
  }

  @Test
  void aTokenTwiceWithHalfAWeightIsOneToken() {
    float[] once = Drawn.inputs(1, 9, 1);
    float[] twice = Arrays.copyOf(once, 18);
    System.arraycopy(once, 0, twice, 9, 9);
    HessianSum single = sum(9);
    HessianSum halves = sum(9);

    single.add(once);
    halves.add(twice, new double[] {0.5, 0.5});

    assertThat(halves.hessian()).isEqualTo(single.hessian());
  }

  @Test
  void manyTokensAndColumnsAreSummedInPieces() {
    float[] inputs = inputs(TOKENS, COLUMNS, 1);
    double[] expected = new double[COLUMNS * COLUMNS];
    for (int token = 0; token < TOKENS; token++) {
      for (int i = 0; i < COLUMNS; i++) {
        for (int j = 0; j < COLUMNS; j++) {
          expected[i * COLUMNS + j] += inputs[token * COLUMNS + i] * inputs[token * COLUMNS + j];
        }
      }
    }
    HessianSum sum = sum(COLUMNS);

    sum.add(inputs);

    assertThat(sum.hessian()).isEqualTo(expected);
  }

  @Test
  void sumsOverPartsAddToTheSumOverAll() {
    float[] inputs = inputs(TOKENS, 20, 2);
    HessianSum all = sum(20);
    HessianSum first = sum(20);
    HessianSum second = sum(20);

    all.add(inputs);
    first.add(Arrays.copyOf(inputs, 123 * 20));
    double[] read = first.hessian(); // reading in between changes nothing
    second.add(Arrays.copyOfRange(inputs, 123 * 20, TOKENS * 20));
    first.add(second);

    assertThat(first.hessian()).isEqualTo(all.hessian()).isSameAs(read);
    assertThat(first.tokens()).isEqualTo(TOKENS);
    assertThat(first.weight()).isEqualTo(TOKENS);
  }

  @Test
  void withoutTokensItIsZero() {
    HessianSum sum = sum(3);
    sum.add(new float[0]);

    assertThat(sum.hessian()).containsOnly(0);
    assertThat(sum.tokens()).isZero();
  }

  @Test
  void brokenInputIsRefused() {
    HessianSum sum = sum(2);
    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> sum.add(new float[] {1, 1, 1, Float.POSITIVE_INFINITY}))
        .withMessage("Hessian: input 1 of token 1: Infinity (expected a finite number)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> sum.add(new float[3]))
        .withMessageContaining("3 inputs of 1 tokens (expected 2 for each)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> sum.add(new float[2], new double[] {-1}))
        .withMessageContaining("weight -1.0 of token 0 (expected at least 0)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> sum.add(sum(3)))
        .withMessageContaining("sums of 2 and of 3 columns");
    assertThatIllegalArgumentException().isThrownBy(() -> sum(0));
  }
}
