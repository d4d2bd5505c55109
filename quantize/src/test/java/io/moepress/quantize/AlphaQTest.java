package io.moepress.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.moepress.formats.architecture.ExpertMatrix.Projection;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.quantize.AlphaQ.Fit;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.plan.BitAllocation;
import io.moepress.recipes.plan.BitBudget;
import io.moepress.recipes.plan.BitCosts;
import io.moepress.recipes.plan.BitCosts.Item;
import io.moepress.recipes.plan.BitGranularity;
import io.moepress.recipes.plan.BitLimits;
import io.moepress.recipes.plan.BitRequest;
import io.moepress.recipes.plan.BitScope;
import io.moepress.recipes.plan.ExpertId;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AlphaQTest {
  private static final List<Integer> TO_FOUR = List.of(1, 2, 3, 4);

  private static CheckpointDirectory checkpoint;
  private static MoeModel model;
  private static Golden golden;
  private static BitCosts costs;

  @BeforeAll
  static void measure() throws IOException {
    checkpoint = CheckpointDirectory.open(Golden.MODEL);
    model = MoeModel.of(checkpoint);
    golden = Golden.read();
    costs = costs(AlphaQ.DEFAULT, model, TO_FOUR, 2);
  }

  @AfterAll
  static void close() throws IOException {
    checkpoint.close();
  }

  /// The reference implementation has eigenvalues in float32, and its numbers eight digits.
  @Test
  void exponentsAndVariancesAreTheReferences() throws IOException {
    List<ExpertTensor> tensors = ExpertTensor.of(model.layout());
    List<ExpertId> experts = new ArrayList<>();
    for (int i = 0; i < 32; i++) {
      experts.add(new ExpertId(i / 8, i % 8));
    }
    List<AlphaQ.Shape> shapes;
    try (Workers workers = new Workers(2)) {
      BitRequest request = new BitRequest(model, Evidence.of(model), TO_FOUR, 0, workers);
      shapes = AlphaQ.DEFAULT.shapes(request, experts, tensors);
    }
    double[] alphas = Golden.numbers(golden.alphaq().get("alpha"));
    double[] variances = Golden.numbers(golden.alphaq().get("variance"));

    assertThat(shapes).hasSize(96);
    for (int i = 0; i < 96; i++) {
      assertThat(shapes.get(i).alpha()).isCloseTo(alphas[i], within(2e-5 * alphas[i]));
      assertThat(shapes.get(i).variance()).isCloseTo(variances[i], within(1e-6 * variances[i]));
    }
  }

  @Test
  void theWidthsAreTheReferences() throws IOException {
    assertThat(Golden.bits(allocate(costs, 2.5, BitGranularity.MATRIX)))
        .isEqualTo(Golden.integers(golden.alphaq().get("bits_avg2.5_gamma10_from_1_2_3_4")));
    BitCosts mild = costs(new AlphaQ(1, Fit.HILL), model, List.of(2, 3, 4), 2);
    assertThat(Golden.bits(allocate(mild, 3, BitGranularity.MATRIX)))
        .isEqualTo(Golden.integers(golden.alphaq().get("bits_avg3_gamma1_from_2_3_4")));
  }

  @Test
  void itemsAreTheMatricesOfAllExperts() {
    assertThat(costs.items()).hasSize(96);
    assertThat(costs.items().get(4).projection()).isEqualTo(Projection.UP);
    assertThat(costs.items()).extracting(Item::weights).containsOnly(128L * 256);
    assertThat(costs.present()).isEmpty();
    assertThat(costs.notes().getFirst())
        .startsWith("alphaq: α from 3.")
        .contains("that of normal numbers would be 6.");
    assertThat(costs.notes()).hasSize(1);
  }

  @Test
  void theNumberOfThreadsDoesNotChangeABit() throws IOException {
    assertThat(costs(AlphaQ.DEFAULT, model, TO_FOUR, 1)).isEqualTo(costs);
    assertThat(costs(AlphaQ.DEFAULT, model, TO_FOUR, 3)).isEqualTo(costs);
  }

  @Test
  void moreIsNeverGivenToWhomItSavesLess() {
    BitAllocation found = allocate(costs, 2.5, BitGranularity.MATRIX);

    for (BitAllocation.Choice one : found.choices()) {
      for (BitAllocation.Choice other : found.choices()) {
        if (one.item().costs().getFirst() > other.item().costs().getFirst()) {
          assertThat(one.bits()).isGreaterThanOrEqualTo(other.bits());
        }
      }
    }
    assertThat(found.averageBits()).isEqualTo(2.5);
    assertThat(found.bound()).isEqualTo(found.objective());
  }

  @Test
  void theLargestBudgetGivesTheMostAndTooSmallAOneIsAnError() {
    assertThat(Golden.bits(allocate(costs, 4, BitGranularity.MATRIX))).containsOnly(4);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> allocate(costs, 0.9, BitGranularity.MATRIX))
        .withMessageStartingWith("the model: 0.9 bits");
  }

  /// Without `γ` only variances count, and those of one layer's experts are nearly equal.
  @Test
  void withoutExponentEqualVariancesGetEqualBits() throws IOException {
    BitCosts plain = costs(new AlphaQ(0, Fit.HILL), model, TO_FOUR, 2);

    assertThat(Golden.bits(allocate(plain, 3, BitGranularity.MATRIX))).containsOnly(3);
  }

  /// One bit more on one side, one less on the other, when the costs are four times as high.
  @ParameterizedTest
  @CsvSource({"3.9, 2, 2", "4.1, 3, 1"})
  void aBitGoesOverWhereCostsAreFourTimesAsHigh(double ratio, int first, int second) {
    List<Item> items = new ArrayList<>();
    for (double scale : new double[] {ratio, 1}) {
      List<Double> of = TO_FOUR.stream().map(bits -> scale * Math.pow(4, -bits)).toList();
      items.add(new Item(0, items.size(), null, 1, of));
    }
    BitCosts two = new BitCosts(TO_FOUR, items, new TreeSet<>(), List.of());

    assertThat(Golden.bits(allocate(two, 2, BitGranularity.MATRIX))).containsExactly(first, second);
  }

  /// Random weights have learned nothing, and their exponents say so.
  @Test
  void exponentsThatHardlyDifferAreRemarkedOn(@TempDir Path folder) throws IOException {
    Path random =
        TinyMoe.qwen3()
            .layers(1)
            .experts(2)
            .topK(1)
            .hidden(1024)
            .expertWidth(1024)
            .write(folder.resolve("m"));
    try (CheckpointDirectory directory = CheckpointDirectory.open(random)) {
      BitCosts found = costs(AlphaQ.DEFAULT, MoeModel.of(directory), TO_FOUR, 2);

      assertThat(found.notes()).hasSize(2);
      assertThat(found.notes().getLast()).contains("(expected at least 2 %)", "Use pmq");
    }
  }

  @Test
  void theOtherFitTakesHalfTheSpectrum() throws IOException {
    BitCosts half = costs(new AlphaQ(10, Fit.MIDDLE), model, TO_FOUR, 2);

    assertThat(half).isNotEqualTo(costs);
    assertThat(allocate(half, 2.5, BitGranularity.MATRIX).averageBits()).isEqualTo(2.5);
    assertThatIllegalArgumentException().isThrownBy(() -> new AlphaQ(-1, Fit.HILL));
  }

  private static BitCosts costs(AlphaQ method, MoeModel model, List<Integer> widths, int threads)
      throws IOException {
    try (Workers workers = new Workers(threads)) {
      return method.costs(new BitRequest(model, Evidence.of(model), widths, 42, workers));
    }
  }

  private static BitAllocation allocate(BitCosts costs, double bits, BitGranularity granularity) {
    return AlphaQ.DEFAULT.allocate(
        costs,
        new BitLimits(new BitBudget.Average(bits), BitScope.MODEL, granularity, new TreeSet<>()));
  }
}
