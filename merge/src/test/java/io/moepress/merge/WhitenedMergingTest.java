package io.moepress.merge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.moepress.formats.architecture.ExpertMatrix.Projection;
import io.moepress.formats.architecture.Gating;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.linear.LinearAlgebra;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.Alignment;
import io.moepress.recipes.plan.KeepRatio;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeRouter;
import io.moepress.recipes.plan.MergeRule.Subspace;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import org.apache.commons.math3.linear.Array2DRowRealMatrix;
import org.apache.commons.math3.linear.CholeskyDecomposition;
import org.apache.commons.math3.linear.MatrixUtils;
import org.apache.commons.math3.linear.RealMatrix;
import org.apache.commons.math3.linear.SingularValueDecomposition;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Sub-MoE with activation whitening: of four experts, 1 and 3 become one.
class WhitenedMergingTest {
  private static final int WIDTH = 9;
  private static final int HIDDEN = 20;
  private static final int TOKENS = 160; // 40 for each expert, more than any matrix has columns
  private static final KeepRatio HALF = KeepRatio.parse("50%");
  private static final double FIRST = 0.75; // 6 of 8 routed tokens
  private static final SubMoeMerging WHITENED = new SubMoeMerging(HALF, true, 1, 3, 1);
  private static final SubMoeMerging PLAIN = new SubMoeMerging(HALF, false, 1, 3, 1);

  @TempDir private Path folder;
  private CheckpointDirectory checkpoint;
  private MoeModel model;

  @BeforeEach
  void open() throws IOException {
    TinyMoe moe =
        TinyMoe.mixtral()
            .dtype("F32")
            .layers(1)
            .hidden(HIDDEN)
            .expertWidth(WIDTH)
            .experts(4)
            .topK(1);
    checkpoint = CheckpointDirectory.open(moe.write(folder));
    model = MoeModel.of(checkpoint);
  }

  @AfterEach
  void close() throws IOException {
    checkpoint.close();
  }

  /// The decomposition as papers write it: Cholesky factors of `X Xᵀ`, singular vectors of `[W_1
  /// S_1, W_2 S_2]`, and `S⁻¹` behind the mean of the right ones.
  @ParameterizedTest
  @EnumSource(Projection.class)
  void theMergedMatrixIsThatOfTheWhitenedDecomposition(Projection projection) throws IOException {
    MergeExperts step = ask(WHITENED, Alignment.NONE, inputs(HIDDEN));

    RealMatrix expected = decomposed(projection, projection.hasNeuronsAsRows() ? 5 : 10);
    double[] found = merged(step).get(projection);
    for (int i = 0; i < found.length; i++) {
      int columns = expected.getColumnDimension();
      assertThat(found[i]).isCloseTo(expected.getEntry(i / columns, i % columns), within(2e-6));
    }
  }

  /// What 1 and 3 make of inputs of two directions spans four, so that five hold all of it,
  /// whatever the weights do elsewhere.
  @Test
  void whatTheInputsDoNotReachTakesNoDirection() throws IOException {
    float[] narrow = inputs(2);
    ExpertWeights whitened = merged(ask(WHITENED, Alignment.NONE, narrow));
    ExpertWeights plain = merged(ask(PLAIN, Alignment.NONE, narrow));
    double[] mean = mean(Projection.GATE);

    ExpertFunction function = function();
    double[] wide = widened(narrow);
    double[] expected = function.against(mean, HIDDEN, wide);
    assertThat(function.against(whitened.get(Projection.GATE), HIDDEN, wide))
        .containsExactly(expected, within(1e-5));
    assertThat(distance(function.against(plain.get(Projection.GATE), HIDDEN, wide), expected))
        .isGreaterThan(1e-2);
  }

  /// Neurons that go to other places take their outputs with them, and the space follows.
  @Test
  void matchedNeuronsShareASpaceInTheirNewPlaces() throws IOException {
    float[] narrow = inputs(2);
    MergeExperts step = ask(WHITENED, Alignment.WEIGHTS, narrow);
    assertThat(step.rule().neurons()).isNotNull();

    MergeExperts full = ask(new SubMoeMerging(null, false, 1, 3, 1), Alignment.WEIGHTS, narrow);
    double[] wide = widened(narrow);
    assertThat(function().against(merged(step).get(Projection.UP), HIDDEN, wide))
        .containsExactly(
            function().against(merged(full).get(Projection.UP), HIDDEN, wide), within(1e-5));
  }

  @Test
  void thePlanNamesABasisForEachGroupOfSeveral() throws IOException {
    MergeExperts step = ask(WHITENED, Alignment.NONE, inputs(HIDDEN));

    Subspace subspace = Objects.requireNonNull(step.rule().subspace());
    assertThat(subspace.bases())
        .singleElement()
        .satisfies(basis -> {
          assertThat(basis.group()).isEqualTo(1);
          assertThat(basis.gate().shape()).containsExactly(5L, (long) WIDTH);
          assertThat(basis.down().shape()).containsExactly(10L, (long) HIDDEN);
          assertThat(step.arrays()).containsExactly(basis.gate(), basis.up(), basis.down());
        });
    assertThat(subspace.energy()).isBetween(0.5, 1.0);
  }

  /// Tokens chose 0 and 2 only, so weights decide.
  @Test
  void aGroupThatNoTokenChoseGoesByItsWeights() throws IOException {
    float[] one = new float[HIDDEN];
    one[0] = 1;

    double[] whitened = merged(ask(WHITENED, Alignment.NONE, one)).get(Projection.GATE);
    double[] plain = merged(ask(PLAIN, Alignment.NONE, one)).get(Projection.GATE);
    assertThat(whitened).containsExactly(plain, within(2e-6));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void onlyWhiteningNeedsTheReservoir(boolean whiten) {
    assertThat(new SubMoeMerging(HALF, whiten, 1, 3, 1).needsReservoir()).isEqualTo(whiten);
  }

  @Test
  void whiteningOfAllDirectionsIsRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new SubMoeMerging(null, true, 1, 3, 1))
        .withMessageContaining("whiten: ")
        .withMessageContaining("Set a rank");
  }

  private RealMatrix decomposed(Projection projection, int rank) throws IOException {
    RealMatrix[] whitened = new RealMatrix[2];
    RealMatrix[] factors = new RealMatrix[2];
    for (int i = 0; i < 2; i++) {
      RealMatrix read = read(projection, i == 0 ? 1 : 3); // [columns, tokens]
      factors[i] = new CholeskyDecomposition(read.multiply(read.transpose())).getL();
      whitened[i] = matrix(weights(i == 0 ? 1 : 3), projection).multiply(factors[i]);
    }
    int columns = whitened[0].getColumnDimension();
    RealMatrix both = new Array2DRowRealMatrix(whitened[0].getRowDimension(), 2 * columns);
    both.setSubMatrix(whitened[0].getData(), 0, 0);
    both.setSubMatrix(whitened[1].getData(), 0, columns);
    SingularValueDecomposition svd =
        new SingularValueDecomposition(both.transpose()); // wants rows ≥ columns
    RealMatrix left = svd.getV(); // [rows, rows]
    RealMatrix scaledRight = left.transpose().multiply(both); // Σ Vᵀ
    RealMatrix right =
        part(scaledRight, rank, 0, columns, factors[0])
            .scalarMultiply(FIRST)
            .add(part(scaledRight, rank, columns, columns, factors[1]).scalarMultiply(1 - FIRST));
    return left.getSubMatrix(0, left.getRowDimension() - 1, 0, rank - 1).multiply(right);
  }

  /// `Σ_r V_iᵀ S_i⁻¹`.
  private static RealMatrix part(RealMatrix of, int rank, int first, int count, RealMatrix factor) {
    return of.getSubMatrix(0, rank - 1, first, first + count - 1)
        .multiply(MatrixUtils.inverse(factor));
  }

  /// What a matrix of an expert reads, `[columns, tokens]`.
  private RealMatrix read(Projection projection, int expert) throws IOException {
    float[] all = inputs(HIDDEN);
    double[] own = new double[TOKENS / 4 * HIDDEN];
    for (int i = 0; i < own.length; i++) {
      own[i] = all[(4 * (i / HIDDEN) + expert) * HIDDEN + i % HIDDEN];
    }
    return projection == Projection.DOWN
        ? rows(function().neurons(weights(expert), own), WIDTH)
        : rows(own, TOKENS / 4).transpose();
  }

  private ExpertWeights weights(int expert) throws IOException {
    return ExpertWeights.read(model, 0, expert);
  }

  private static RealMatrix matrix(ExpertWeights weights, Projection projection) {
    return rows(weights.get(projection), projection.hasNeuronsAsRows() ? WIDTH : HIDDEN);
  }

  private static RealMatrix rows(double[] values, int rows) {
    int columns = values.length / rows;
    RealMatrix matrix = new Array2DRowRealMatrix(rows, columns);
    for (int i = 0; i < values.length; i++) {
      matrix.setEntry(i / columns, i % columns, values[i]);
    }
    return matrix;
  }

  private double[] mean(Projection projection) throws IOException {
    double[] first = weights(1).get(projection);
    double[] second = weights(3).get(projection);
    double[] mean = new double[first.length];
    for (int i = 0; i < mean.length; i++) {
      mean[i] = FIRST * first[i] + (1 - FIRST) * second[i];
    }
    return mean;
  }

  private ExpertFunction function() {
    return new ExpertFunction(LinearAlgebra.best(), Gating.of(model.layout()));
  }

  private ExpertWeights merged(MergeExperts step) throws IOException {
    PlannedCheckpoint planned =
        new PlannedCheckpoint(checkpoint, Lowering.lower(model, List.of(step)));
    return ExpertWeights.read(MoeModel.of(planned), 0, 1);
  }

  /// Inputs of some directions of the residual stream only.
  private static float[] inputs(int directions) {
    SplittableRandom random = new SplittableRandom(3);
    float[] inputs = new float[TOKENS * HIDDEN];
    for (int i = 0; i < inputs.length; i++) {
      float value = (float) random.nextDouble(-3, 3);
      inputs[i] = i % HIDDEN < directions ? value : 0;
    }
    return inputs;
  }

  private static double[] widened(float[] values) {
    double[] wide = new double[values.length];
    for (int i = 0; i < wide.length; i++) {
      wide[i] = values[i];
    }
    return wide;
  }

  private static double distance(double[] first, double[] second) {
    double sum = 0;
    for (int i = 0; i < first.length; i++) {
      sum += (first[i] - second[i]) * (first[i] - second[i]);
    }
    return Math.sqrt(sum);
  }

  private MergeExperts ask(SubMoeMerging method, Alignment align, float[] inputs)
      throws IOException {
    return new MergeQuestion(model.layout())
        .model(model)
        .routed(1, 6, 1, 2)
        .meanCosines(
            new double[] {1, 0, 0, 0},
            new double[] {0, 1, 0, 1},
            new double[] {0, 0, 1, 0},
            new double[] {0, 1, 0, 1})
        .inputs(inputs, 4)
        .options(align, MergeRouter.DOMINANT)
        .ask(method, 3);
  }
}
