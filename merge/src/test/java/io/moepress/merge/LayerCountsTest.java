package io.moepress.merge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.Gating;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Evidence.Sampling;
import io.moepress.recipes.evidence.LargeParts;
import io.moepress.recipes.evidence.Reservoir;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.linear.LinearAlgebra;
import io.moepress.recipes.plan.Alignment;
import io.moepress.recipes.plan.Allocation;
import io.moepress.recipes.plan.Allocation.Global;
import io.moepress.recipes.plan.AllocationMode;
import io.moepress.recipes.plan.CountOptions;
import io.moepress.recipes.plan.ExpertId;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeOptions;
import io.moepress.recipes.plan.MergeRequest;
import io.moepress.recipes.plan.MergeRouter;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.testdata.Planted;
import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// How a budget for all layers is spread over them.
class LayerCountsTest {
  @TempDir private Path folder;

  private static final Global FIVE = new Global(5);
  private static final double[] ONE_FOR_ALL = {10, 0, 0, 0};
  private static final double[] ALL_ALIKE = {5, 5, 5, 5};

  /// Layer 1 spreads its tokens over four experts, each chosen by a quarter of them.
  @Test
  void aLayerThatUsesManyExpertsKeepsMore() {
    assertThat(LayerCounts.of(request(moe(), FIVE, ONE_FOR_ALL, ALL_ALIKE)))
        .isEqualTo(new TreeMap<>(Map.of(0, 1, 1, 4)));
    assertThat(LayerCounts.of(request(moe(), FIVE, ALL_ALIKE, ALL_ALIKE)))
        .isEqualTo(new TreeMap<>(Map.of(0, 4, 1, 1))); // ties go to the lower layer
    assertThat(LayerCounts.of(request(moe(), FIVE, new double[4], ONE_FOR_ALL)))
        .isEqualTo(new TreeMap<>(Map.of(0, 4, 1, 1)));
  }

  @Test
  void everyLayerKeepsWhatATokenUses() {
    assertThat(LayerCounts.of(request(moe().topK(2), FIVE, ONE_FOR_ALL, ALL_ALIKE)))
        .isEqualTo(new TreeMap<>(Map.of(0, 2, 1, 3)));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> LayerCounts.of(request(moe().topK(3), FIVE, ALL_ALIKE, ALL_ALIKE)))
        .withMessageStartingWith(
            "allocation: global: 5 experts would be left in all layers, but they need 6");
  }

  /// Guarded experts stand alone, and the others need one.
  @Test
  void guardedExpertsAndOneForTheOthersAreLeft() {
    MergeRequest asked = request(moe(), FIVE, ONE_FOR_ALL, ALL_ALIKE);
    MergeRequest guarded =
        new MergeRequest(
            asked.weights(),
            asked.layout(),
            asked.evidence(),
            FIVE,
            new TreeSet<>(List.of(new ExpertId(0, 1), new ExpertId(0, 3))),
            asked.options());

    assertThat(LayerCounts.of(guarded)).isEqualTo(new TreeMap<>(Map.of(0, 3, 1, 2)));
  }

  @Test
  void groupsOfTheRouterGetOneMoreEach() throws IOException {
    String config = Files.readString(TestData.path("models/tiny-deepseekv3/config.json"));
    ModelLayout layout = ModelLayout.of(ModelConfig.parse(config)); // 4 groups of 4
    double[] few = new double[16];
    few[0] = 1;
    double[] many = new double[16];
    Arrays.fill(many, 1);
    MergeRequest request = request(layout, new Global(30), few, many);

    assertThat(LayerCounts.of(request)).isEqualTo(new TreeMap<>(Map.of(0, 12, 1, 16)));
  }

  // Windows of two layers.

  /// All experts of layer 0 are one; those of layer 1 differ. Clusters over both see that.
  @Test
  void aWindowGivesItsBudgetToTheLayerWhoseExpertsDiffer() throws IOException {
    TinyMoe moe =
        moe()
            .plant(Planted.twinExperts(0, 0, 1))
            .plant(Planted.twinExperts(0, 0, 2))
            .plant(Planted.twinExperts(0, 0, 3));
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe.write(folder))) {
      MoeModel model = MoeModel.of(checkpoint);
      MergeRequest request = withModel(request(moe, FIVE, ALL_ALIKE, ALL_ALIKE), model);
      SubMoeMerging method = new SubMoeMerging(null, false, 2, 10, 1);

      List<MergeExperts> steps = method.plan(request);

      assertThat(steps).extracting(MergeExperts::left).containsExactly(1, 4);
      assertThat(new WindowCounts(request, 2, 10, 1).of(7))
          .isEqualTo(new TreeMap<>(Map.of(0, 3, 1, 4)));
      assertThat(new WindowCounts(request, 2, 10, 1).of(2))
          .isEqualTo(new TreeMap<>(Map.of(0, 1, 1, 1)));
      MergeRequest two = withModel(request(moe.topK(2), FIVE, ALL_ALIKE, ALL_ALIKE), model);
      for (int total = 4; total <= 8; total++) { // never fewer than a token uses, never more in all
        SortedMap<Integer, Integer> counts = new WindowCounts(two, 2, 10, 1).of(total);
        assertThat(counts.values()).allMatch(count -> count >= 2 && count <= 4);
        assertThat(counts.values().stream().mapToInt(Integer::intValue).sum()).isEqualTo(total);
      }
      assertThatIllegalArgumentException()
          .isThrownBy(() -> new WindowCounts(two, 2, 10, 1).of(3))
          .withMessageStartingWith("window: 2: 3 experts would be left in layers [0, 1], but they");
    }
  }

  /// Tokens in blocks of any size, and the within-layer part is what the experts say.
  @Test
  void cosinesOverLayersDoNotDependOnTheBlock() throws IOException {
    TinyMoe moe = moe().plant(Planted.twinExperts(1, 0, 2));
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe.write(folder))) {
      MoeModel model = MoeModel.of(checkpoint);
      ExpertFunction function = new ExpertFunction(LinearAlgebra.best(), Gating.of(model.layout()));
      List<Map.Entry<Integer, Evidence.Layer>> layers =
          List.copyOf(request(moe, FIVE, ALL_ALIKE, ALL_ALIKE).evidence().layers().entrySet());

      double[][] whole = new JointCosines(function, model).of(layers);
      double[][] single = new JointCosines(function, model, 1).of(layers);

      for (int i = 0; i < 8; i++) {
        assertThat(single[i]).containsExactly(whole[i], within(1e-12));
        assertThat(whole[i][i]).isCloseTo(1, within(1e-12));
      }
      assertThat(whole[4][6]).isCloseTo(1, within(1e-12));
      assertThat(Math.abs(whole[0][4])).isLessThan(0.9);
    }
  }

  @Test
  void aWindowDoesNotRespectGroupsOfTheRouter() throws IOException {
    String config = Files.readString(TestData.path("models/tiny-deepseekv3/config.json"));
    ModelLayout layout = ModelLayout.of(ModelConfig.parse(config));
    MergeRequest request = request(layout, new Global(24), new double[16], new double[16]);

    assertThatExceptionOfType(PlanMismatchException.class)
        .isThrownBy(() -> new SubMoeMerging(null, false, 2, 1, 1).plan(request))
        .withMessageEndingWith("Use \"window: 1\", \"groups: none\" or \"router: map\".");
  }

  @Test
  void aWindowIsAnAllocation() {
    SubMoeMerging two = new SubMoeMerging(null, false, 2, 1, 1);

    assertThat(two.defaultAllocation()).isEqualTo(AllocationMode.GLOBAL);
    assertThat(two.needsReservoir()).isTrue();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> two.checked(CountOptions.DEFAULT.spread(AllocationMode.UNIFORM)))
        .withMessageContaining("allocation: uniform has no meaning");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new SubMoeMerging(null, false, 3, 1, 1))
        .withMessage("window: 3 (expected 1 to 2)");
  }

  private static TinyMoe moe() {
    return TinyMoe.qwen3().layers(2).experts(4).topK(1);
  }

  private static MergeRequest request(TinyMoe moe, Allocation allocation, double[]... routed) {
    return request(ModelLayout.of(ModelConfig.parse(moe.configJson())), allocation, routed);
  }

  private static MergeRequest request(
      ModelLayout layout, Allocation allocation, double[]... routed) {
    SortedMap<Integer, Evidence.Layer> layers = new TreeMap<>();
    for (int layer = 0; layer < routed.length; layer++) {
      double[][] cosines = new double[routed[layer].length][routed[layer].length];
      for (int i = 0; i < cosines.length; i++) {
        cosines[i][i] = 30;
      }
      layers.put(
          layer,
          new Evidence.Layer(
              routed[layer].length,
              Map.of(Statistic.ROUTED_TOKENS, new double[][] {routed[layer]}),
              new LargeParts.InMemory(
                  Map.of(Statistic.RESERVOIR_OUTPUT_COSINE_SUM, cosines),
                  reservoir(layer, layout.dimension(Dimension.HIDDEN)))));
    }
    List<Evidence.Domain> domains = List.of(new Evidence.Domain("math", "sha256:0", 1, 30));
    return new MergeRequest(
        () -> {
          throw new AssertionError("nothing here needs weights");
        },
        layout,
        new Evidence("sha256:model", 512, domains, layers, new Sampling(30, 1L)),
        allocation,
        new TreeSet<>(),
        new MergeOptions(Alignment.NONE, MergeRouter.DOMINANT));
  }

  private static Reservoir reservoir(int layer, int hidden) {
    SplittableRandom random = new SplittableRandom(layer);
    float[] inputs = new float[30 * hidden];
    for (int i = 0; i < inputs.length; i++) {
      inputs[i] = (float) random.nextDouble(-1, 1);
    }
    return new Reservoir(1, new int[30], new int[30], inputs, new int[30], new float[30]);
  }

  private static MergeRequest withModel(MergeRequest request, MoeModel model) {
    return new MergeRequest(
        () -> model,
        request.layout(),
        request.evidence(),
        request.allocation(),
        request.guarded(),
        request.options());
  }
}
