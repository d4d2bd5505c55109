package io.moepress.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.moepress.formats.integer.BitPacking;
import io.moepress.formats.integer.IntegerGrid;
import io.moepress.formats.integer.IntegerMatrix;
import io.moepress.formats.integer.IntegerMatrix.Sharing;
import io.moepress.formats.integer.PackQuantized;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.TensorData;
import io.moepress.quantize.Gptq.GroupScales;
import io.moepress.quantize.Gptq.Order;
import io.moepress.quantize.Gptq.Result;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class GptqTest {
  private static final int ROWS = 12;
  private static final int COLUMNS = 40; // the last group of 16 is smaller
  private static final NearestRounding NEAREST = new NearestRounding(new Extremes());

  static Stream<StoredGrid> schemes() {
    List<StoredGrid> schemes = new ArrayList<>();
    for (int bits : new int[] {1, 2, 3, 4, 8}) {
      for (Sharing sharing :
          List.of(new Sharing.Tensor(), new Sharing.Channel(), new Sharing.Group(16))) {
        schemes.add(new StoredGrid(new IntegerGrid(bits, true), sharing, DType.F16));
        schemes.add(new StoredGrid(new IntegerGrid(bits, false), sharing, DType.BF16));
      }
    }
    return schemes.stream();
  }

  private static StoredGrid fourBits(Sharing sharing) {
    return new StoredGrid(new IntegerGrid(4, true), sharing, DType.F32);
  }

  private static Gptq gptq(Order order, GroupScales scales) {
    return new Gptq(0.01, 3, order, scales, 8, new Extremes());
  }

  private static List<Gptq> allOrders() {
    return Stream.of(Order.values())
        .flatMap(order -> Stream.of(GroupScales.values()).map(scales -> gptq(order, scales)))
        .toList();
  }

  private static Result encode(Gptq gptq, float[] weights, double[] hessian, StoredGrid scheme) {
    int columns = (int) Math.sqrt(hessian.length);
    GptqFactor factor = gptq.factor(hessian, columns, Drawn.ALGEBRA);
    return gptq.encode(weights, weights.length / columns, factor, scheme);
  }

  // What must come out.

  @ParameterizedTest
  @MethodSource("schemes")
  void independentInputsOfOneSizeLeaveRoundingToTheNearest(StoredGrid scheme) {
    float[] weights = Drawn.weights(ROWS * COLUMNS, 1);
    float[] expected = NEAREST.encode(weights, ROWS, scheme).decode();

    for (Gptq gptq : allOrders()) {
      Result result = encode(gptq, weights, Drawn.diagonal(COLUMNS, 3), scheme);

      assertThat(result.matrix().decode()).as("%s", gptq).isEqualTo(expected);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4, 8})
  void weightsOnTheGridStay(int bits) {
    IntegerGrid grid = new IntegerGrid(bits, false);
    StoredGrid scheme = new StoredGrid(grid, new Sharing.Group(16), DType.F32);
    SplittableRandom random = new SplittableRandom(bits);
    float[] weights = new float[ROWS * COLUMNS];
    for (int i = 0; i < weights.length; i++) {
      int code = random.nextInt(grid.lowest(), grid.highest() + 1);
      int column = i % COLUMNS; // both ends are in every group
      code = column % 16 == 1 ? grid.lowest() : column % 16 == 2 ? grid.highest() : code;
      weights[i] = code * 0x1p-3f;
    }
    for (Gptq gptq : List.of(gptq(Order.STORED, GroupScales.UPDATED), Gptq.DEFAULT)) {
      Result result = encode(gptq, weights, Drawn.hessian(COLUMNS, 2), scheme);

      assertThat(result.matrix().decode()).isEqualTo(weights);
      assertThat(result.report().loss()).isZero();
      assertThat(result.report().squaredError()).isZero();
    }
  }

  @ParameterizedTest
  @MethodSource("schemes")
  void lossIsThatOfTheStoredMatrix(StoredGrid scheme) {
    float[] weights = Drawn.weights(ROWS * COLUMNS, 3);
    double[] hessian = Drawn.hessian(COLUMNS, 3);
    for (Gptq gptq : allOrders()) {
      GptqFactor factor = gptq.factor(hessian, COLUMNS, Drawn.ALGEBRA);
      Result result = gptq.encode(weights, ROWS, factor, scheme);

      double loss = Drawn.loss(weights, result.matrix().decode(), hessian, COLUMNS);
      // As many roundings as products, of numbers as large as the damped loss.
      double rounding = 0x1p-52 * weights.length * COLUMNS * loss;
      assertThat(result.report().loss()).as("%s", gptq).isCloseTo(loss, within(rounding));
      assertThat(factor.loss(weights, result.matrix())).isCloseTo(loss, within(rounding));
    }
  }

  /// For single weights nothing is certain, for a matrix nearly so: the losses of its rows add.
  /// Each of 20 matrices is better by at least a tenth, and half of them by at least a third.
  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4})
  void losesLessThanRoundingToTheNearest(int bits) {
    StoredGrid scheme =
        new StoredGrid(new IntegerGrid(bits, true), new Sharing.Group(16), DType.F16);
    for (Gptq gptq : allOrders()) {
      double[] ratios = new double[20];
      for (int seed = 0; seed < ratios.length; seed++) {
        float[] weights = Drawn.weights(ROWS * COLUMNS, seed);
        GptqFactor factor = gptq.factor(Drawn.hessian(COLUMNS, seed), COLUMNS, Drawn.ALGEBRA);
        double nearest = factor.loss(weights, NEAREST.encode(weights, ROWS, scheme));
        ratios[seed] = gptq.encode(weights, ROWS, factor, scheme).report().loss() / nearest;
      }
      Arrays.sort(ratios);
      assertThat(ratios[19]).as("%s", gptq).isLessThan(0.9);
      assertThat(ratios[10]).as("%s", gptq).isLessThan(0.67);
    }
  }

  @Test
  void visitsByActivationLoseLess() {
    double stored = 0;
    double byActivation = 0;
    for (int seed = 0; seed < 20; seed++) {
      float[] weights = Drawn.weights(ROWS * COLUMNS, seed);
      double[] hessian = Drawn.hessian(COLUMNS, seed);
      StoredGrid scheme = fourBits(new Sharing.Group(16));
      Gptq inOrder = gptq(Order.STORED, GroupScales.ORIGINAL);
      stored += encode(inOrder, weights, hessian, scheme).report().loss();
      byActivation += encode(Gptq.DEFAULT, weights, hessian, scheme).report().loss();
    }
    assertThat(byActivation).isLessThan(0.9 * stored);
  }

  // What must not matter.

  @ParameterizedTest
  @EnumSource(GroupScales.class)
  void theOrderOfInputsDoesNotMatterWhereColumnsAreVisitedByActivation(GroupScales scales) {
    Gptq gptq = gptq(Order.ACTIVATION, scales);
    Sharing sharing = scales == GroupScales.UPDATED ? new Sharing.Group(16) : new Sharing.Channel();
    float[] weights = Drawn.weights(ROWS * COLUMNS, 5);
    double[] hessian = Drawn.hessian(COLUMNS, 5);
    int[] order = IntStream.range(0, COLUMNS).map(i -> i * 7 % COLUMNS).toArray();
    float[] turnedWeights = new float[weights.length];
    double[] turnedHessian = new double[hessian.length];
    for (int column = 0; column < COLUMNS; column++) {
      for (int row = 0; row < ROWS; row++) {
        turnedWeights[row * COLUMNS + column] = weights[row * COLUMNS + order[column]];
      }
      for (int row = 0; row < COLUMNS; row++) {
        turnedHessian[row * COLUMNS + column] = hessian[order[row] * COLUMNS + order[column]];
      }
    }

    IntegerMatrix straight = encode(gptq, weights, hessian, fourBits(sharing)).matrix();
    IntegerMatrix turned = encode(gptq, turnedWeights, turnedHessian, fourBits(sharing)).matrix();

    assertThat(turned.scales()).isEqualTo(straight.scales());
    for (int column = 0; column < COLUMNS; column++) {
      assertThat(turned.groups()[column]).isEqualTo(straight.groups()[order[column]]);
      for (int row = 0; row < ROWS; row++) {
        assertThat(turned.codes()[row * COLUMNS + column])
            .isEqualTo(straight.codes()[row * COLUMNS + order[column]]);
      }
    }
  }

  @Test
  void rowsDoNotDependOnEachOther() {
    int rows = 300; // more than are worked on at once
    float[] weights = Drawn.weights(rows * COLUMNS, 6);
    GptqFactor factor = Gptq.DEFAULT.factor(Drawn.hessian(COLUMNS, 6), COLUMNS, Drawn.ALGEBRA);
    StoredGrid scheme = fourBits(new Sharing.Group(8));

    Result whole = Gptq.DEFAULT.encode(weights, rows, factor, scheme);

    double loss = 0;
    for (int row = 0; row < rows; row++) {
      int from = row * COLUMNS;
      float[] alone = Arrays.copyOfRange(weights, from, from + COLUMNS);
      Result single = Gptq.DEFAULT.encode(alone, 1, factor, scheme);
      assertThat(single.matrix().codes())
          .isEqualTo(Arrays.copyOfRange(whole.matrix().codes(), from, from + COLUMNS));
      loss += single.report().loss();
    }
    assertThat(whole.report().loss()).isCloseTo(loss, within(1e-12 * loss));
  }

  /// A factor of two costs no digit.
  @Test
  void theSizeOfInputsDoesNotMatter() {
    float[] weights = Drawn.weights(ROWS * COLUMNS, 7);
    double[] hessian = Drawn.hessian(COLUMNS, 7);
    double[] small = Arrays.stream(hessian).map(value -> value * 0x1p-30).toArray();
    StoredGrid scheme = fourBits(new Sharing.Group(16));

    Result large = encode(Gptq.DEFAULT, weights, hessian, scheme);
    Result little = encode(Gptq.DEFAULT, weights, small, scheme);

    assertThat(little.matrix().codes()).isEqualTo(large.matrix().codes());
    assertThat(little.report().loss()).isEqualTo(large.report().loss() * 0x1p-30);
  }

  // What no input reached.

  @Test
  void deadColumnsAreRoundedToTheNearest() {
    float[] inputs = Drawn.inputs(100, COLUMNS, 8);
    for (int i = 0; i < inputs.length; i++) {
      inputs[i] *= i % COLUMNS == 3 || i % COLUMNS == 20 ? 0 : 1;
    }
    float[] weights = Drawn.weights(ROWS * COLUMNS, 8);
    StoredGrid scheme = fourBits(new Sharing.Group(16));
    GptqFactor factor = Gptq.DEFAULT.factor(Drawn.hessian(inputs, COLUMNS), COLUMNS, Drawn.ALGEBRA);

    Result result = Gptq.DEFAULT.encode(weights, ROWS, factor, scheme);

    assertThat(factor.deadColumns()).containsExactly(3, 20);
    assertThat(result.report().deadColumns()).isEqualTo(2);
    assertThat(result.report().isUnseen()).isFalse();
    byte[] nearest = NEAREST.encode(weights, ROWS, scheme).codes();
    for (int at = 0; at < nearest.length; at++) {
      if (at % COLUMNS == 3 || at % COLUMNS == 20) {
        assertThat(result.matrix().codes()[at]).isEqualTo(nearest[at]);
      }
    }
    assertThat(result.matrix().codes()).isNotEqualTo(nearest);
  }

  @ParameterizedTest
  @MethodSource("schemes")
  void anExpertThatNoTokenReachedIsRoundedToTheNearestAndSaysSo(StoredGrid scheme) {
    float[] weights = Drawn.weights(ROWS * COLUMNS, 9);
    for (Gptq gptq : allOrders()) {
      Result result = encode(gptq, weights, new double[COLUMNS * COLUMNS], scheme);

      assertThat(result.matrix().decode())
          .isEqualTo(NEAREST.encode(weights, ROWS, scheme).decode());
      assertThat(result.report().isUnseen()).isTrue();
      assertThat(result.report().loss()).isZero();
      assertThat(result.report().squaredError()).isPositive();
    }
  }

  /// With half of the columns dead, and the others at 1e-9: were the dead ones to count as 1, the
  /// damping would be ten million times the rest, and nothing but rounding to the nearest left.
  @Test
  void deadColumnsDoNotDrownSmallInputs() {
    float[] inputs = Drawn.inputs(100, COLUMNS, 10);
    for (int i = 0; i < inputs.length; i++) {
      inputs[i] *= i % 2 == 0 ? 0 : 0x1p-15f;
    }
    float[] weights = Drawn.weights(ROWS * COLUMNS, 10);
    StoredGrid scheme = fourBits(new Sharing.Group(16));
    GptqFactor factor = Gptq.DEFAULT.factor(Drawn.hessian(inputs, COLUMNS), COLUMNS, Drawn.ALGEBRA);

    double loss = Gptq.DEFAULT.encode(weights, ROWS, factor, scheme).report().loss();

    assertThat(loss).isLessThan(0.8 * factor.loss(weights, NEAREST.encode(weights, ROWS, scheme)));
  }

  @ParameterizedTest
  @MethodSource("schemes")
  void oneTokenAndGroupsOfZerosLeaveNumbers(StoredGrid scheme) {
    float[] weights = Drawn.weights(ROWS * COLUMNS, 11);
    for (int i = 0; i < weights.length; i++) {
      weights[i] *= i % COLUMNS < 16 || i / COLUMNS == 2 ? 0 : 1;
    }
    double[] hessian = Drawn.hessian(Drawn.inputs(1, COLUMNS, 11), COLUMNS);
    for (Gptq gptq : allOrders()) {
      Result result = encode(gptq, weights, hessian, scheme);

      for (float scale : result.matrix().scales()) {
        assertThat(scale).isFinite().isPositive();
      }
      for (float value : result.matrix().decode()) {
        assertThat(value).isFinite();
      }
      assertThat(result.report().loss()).isFinite();
    }
  }

  // How groups are stored.

  @ParameterizedTest
  @EnumSource(GroupScales.class)
  void onlyUpdatedGroupsByActivationNeedAnIndexOfGroups(GroupScales scales) {
    float[] weights = Drawn.weights(ROWS * 32, 12);
    StoredGrid scheme = fourBits(new Sharing.Group(8));
    for (Order order : Order.values()) {
      IntegerMatrix matrix =
          encode(gptq(order, scales), weights, Drawn.hessian(32, 12), scheme).matrix();

      Map<String, TensorData> tensors =
          new PackQuantized(BitPacking.STREAM).encode("w", matrix, DType.F32);

      boolean isIndexed = order == Order.ACTIVATION && scales == GroupScales.UPDATED;
      assertThat(tensors.containsKey("w_g_idx")).isEqualTo(isIndexed);
      assertThat(PackQuantized.decode(tensors, "w", scheme.grid()).decode())
          .isEqualTo(matrix.decode());
    }
  }
}
