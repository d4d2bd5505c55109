package io.moepress.recipes.lowering;

import static io.moepress.recipes.plan.SamplePlans.keep;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.lowering.TensorProgram.Copy;
import io.moepress.recipes.lowering.TensorProgram.Rows;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Two layers of four experts, top-2, unless a test says otherwise.
class LoweringTest {
  @TempDir Path folder;

  // Everything is copied where nothing is decided.

  @Test
  void withoutStepsEverythingIsCopied() throws IOException {
    assertCopiesAll(TinyMoe.qwen3());
  }

  @Test
  void keepingAllExpertsCopiesEverythingButTheRouterWhoseRowsAllStay() throws IOException {
    LoweredPlan plan = lower(TinyMoe.mixtral(), keep(0, 4, 0, 1, 2, 3), keep(1, 4, 0, 1, 2, 3));

    assertThat(plan.dropped()).isEmpty();
    assertThat(plan.config().text()).isEqualTo(TinyMoe.mixtral().configJson());
    Map<String, OutputTensor> tensors = byName(plan);
    for (int layer = 0; layer < 2; layer++) {
      OutputTensor router = tensors.remove(TinyMoe.mixtral().family().router(layer));
      assertThat(router.program()).isEqualTo(new Rows(router.info().name(), List.of(0, 1, 2, 3)));
    }
    assertThat(tensors)
        .allSatisfy((name, tensor) -> assertThat(tensor.program()).isEqualTo(new Copy(name)));
  }

  private void assertCopiesAll(TinyMoe moe, KeepExperts... steps) throws IOException {
    LoweredPlan plan = lower(moe, steps);

    assertThat(plan.dropped()).isEmpty();
    assertThat(plan.config().text()).isEqualTo(moe.configJson());
    assertThat(byName(plan).keySet()).isEqualTo(moe.tensors().keySet());
    assertThat(plan.tensors())
        .allSatisfy(
            tensor -> assertThat(tensor.program()).isEqualTo(new Copy(tensor.info().name())));
  }

  // Experts.

  @Test
  void expertsThatStayAreRenumberedInAscendingOrder() throws IOException {
    Map<String, OutputTensor> tensors =
        byName(lower(TinyMoe.qwen3(), keep(0, 4, 1, 3), keep(1, 4, 0, 2)));

    assertThat(sources(tensors, "model.layers.0.mlp.experts.%d.down_proj.weight"))
        .containsExactly(
            "model.layers.0.mlp.experts.1.down_proj.weight",
            "model.layers.0.mlp.experts.3.down_proj.weight");
    assertThat(sources(tensors, "model.layers.1.mlp.experts.%d.gate_proj.weight"))
        .containsExactly(
            "model.layers.1.mlp.experts.0.gate_proj.weight",
            "model.layers.1.mlp.experts.2.gate_proj.weight");
    assertThat(tensors.keySet()).noneMatch(name -> name.contains("experts.2."));
  }

  private static List<String> sources(Map<String, OutputTensor> tensors, String template) {
    return IntStream.range(0, 2)
        .mapToObj(expert -> tensors.get(template.replace("%d", String.valueOf(expert))))
        .map(tensor -> ((Copy) tensor.program()).source())
        .toList();
  }

  @Test
  void routersAreCutWithTheSameIndices() throws IOException {
    TinyMoe moe = TinyMoe.mixtral().dtype("BF16");
    Map<String, OutputTensor> tensors = byName(lower(moe, keep(0, 4, 1, 3), keep(1, 4, 0, 2)));

    String first = moe.family().router(0);
    String second = moe.family().router(1);
    assertThat(tensors.get(first))
        .isEqualTo(
            new OutputTensor(
                new TensorInfo(first, DType.BF16, Shape.of(2, 16)),
                new Rows(first, List.of(1, 3))));
    assertThat(tensors.get(second).program()).isEqualTo(new Rows(second, List.of(0, 2)));
  }

  @Test
  void droppedTensorsAreListedWithTheReason() throws IOException {
    LoweredPlan plan = lower(TinyMoe.mixtral(), keep(0, 4, 0, 1, 3), keep(1, 4, 1, 2, 3));

    String expert = "model.layers.%s.block_sparse_moe.experts.%s.%s.weight";
    assertThat(plan.dropped().keySet())
        .containsExactlyElementsOf(
            Stream.of("0 2 w1", "0 2 w2", "0 2 w3", "1 0 w1", "1 0 w2", "1 0 w3")
                .map(part -> part.split(" ", -1))
                .map(part ->
                    expert
                        .replaceFirst("%s", part[0])
                        .replaceFirst("%s", part[1])
                        .replaceFirst("%s", part[2]))
                .toList());
    assertThat(plan.dropped())
        .containsEntry(
            "model.layers.0.block_sparse_moe.experts.2.w1.weight", "expert 2 of layer 0 dropped");
  }

  // The configuration.

  @Test
  void everyCountKeyThatIsThereGetsTheNewNumber() throws IOException {
    TinyMoe moe = TinyMoe.qwen3().config("num_experts", "4");
    KeepExperts[] steps = {keep(0, 4, 0, 1, 2), keep(1, 4, 0, 1, 2)};

    assertThat(lower(moe, steps).config().text())
        .isEqualTo(
            moe.configJson()
                .replace("\"num_experts\": 4", "\"num_experts\": 3")
                .replace("\"num_local_experts\": 4", "\"num_local_experts\": 3"))
        .contains("\"num_experts\": 3", "\"num_local_experts\": 3");
  }

  @Test
  void countKeysThatAreNotThereAreNotAdded() throws IOException {
    for (TinyMoe moe :
        List.of(
            TinyMoe.qwen3(),
            TinyMoe.mixtral(),
            TinyMoe.qwen3().withoutConfig("num_local_experts").config("num_experts", "4"))) {
      String text = lower(moe, keep(0, 4, 1, 2), keep(1, 4, 2, 3)).config().text();

      assertThat(text)
          .isEqualTo(
              moe.configJson()
                  .replace("\"num_experts\": 4", "\"num_experts\": 2")
                  .replace("\"num_local_experts\": 4", "\"num_local_experts\": 2"));
    }
  }

  @Test
  void numbersThatDifferBecomeAListOfOneForEachLayerWithExperts() throws IOException {
    TinyMoe moe = TinyMoe.qwen3().config("num_experts", "4");

    assertThat(lower(moe, keep(0, 4, 0, 1), keep(1, 4, 0, 1, 2)).config().text())
        .isEqualTo(
            moe.configJson()
                .replace("\"num_experts\": 4", "\"num_experts\": [2, 3]")
                .replace("\"num_local_experts\": 4", "\"num_local_experts\": [2, 3]"))
        .contains("\"num_experts\": [2, 3]", "\"num_local_experts\": [2, 3]");
  }

  @Test
  void aLayerWithoutAStepKeepsAll() throws IOException {
    assertThat(lower(TinyMoe.qwen3(), keep(1, 4, 0, 1, 2)).config().text())
        .contains("\"num_local_experts\": [4, 3]");
  }

  @Test
  void routersAreCutToTheNumberOfTheirLayer() throws IOException {
    Map<String, OutputTensor> tensors =
        byName(lower(TinyMoe.qwen3(), keep(0, 4, 0, 1), keep(1, 4, 0, 1, 2)));

    assertThat(tensors.get("model.layers.0.mlp.gate.weight").info().shape())
        .isEqualTo(Shape.of(2, 16));
    assertThat(tensors.get("model.layers.1.mlp.gate.weight").info().shape())
        .isEqualTo(Shape.of(3, 16));
  }

  // Refusals.

  @Test
  void aPlanForAnotherNumberOfExpertsIsRefused() {
    assertRefused(
        "plan: layer 0: made for 8 experts, but the model has 4",
        keep(0, 8, 0, 1),
        keep(1, 8, 0, 1));
  }

  @Test
  void aLayerThatTheModelDoesNotHaveIsRefused() {
    assertRefused(
        "plan: layer 2 has no experts in this model (expected one of [0, 1])",
        keep(0, 4, 0, 1),
        keep(1, 4, 0, 1),
        keep(2, 4, 0, 1));
  }

  @Test
  void aDenseLayerIsRefused() {
    TinyMoe dense =
        TinyMoe.qwen3()
            .config("mlp_only_layers", "[0]")
            .plant((moe, tensors) ->
                tensors.keySet().removeIf(n -> n.startsWith("model.layers.0.mlp")))
            .shape("model.layers.0.mlp.gate_proj.weight", 32, 16)
            .shape("model.layers.0.mlp.up_proj.weight", 32, 16)
            .shape("model.layers.0.mlp.down_proj.weight", 16, 32);

    assertThatExceptionOfType(PlanMismatchException.class)
        .isThrownBy(() -> lower(dense, keep(0, 4, 0, 1)))
        .withMessage("plan: layer 0 has no experts in this model (expected one of [1])");
  }

  @Test
  void twoStepsForOneLayerAreRefused() {
    assertRefused(
        "plan: layer 0: two steps are about its experts",
        keep(0, 4, 0, 1),
        keep(0, 4, 2, 3),
        keep(1, 4, 0, 1));
  }

  @Test
  void fewerExpertsThanATokenUsesAreRefusedInAnyLayer() {
    assertRefused(
        "plan: 1 experts stay in layer 1, but every token uses 2",
        keep(0, 4, 0, 1, 2),
        keep(1, 4, 3));
  }

  @Test
  void fewerExpertsThanATokenUsesAreRefused() {
    assertRefused(
        "plan: 1 experts stay in each layer, but every token uses 2 (config.json:"
            + " [num_experts_per_tok]). Keep at least 2, or let a token use fewer with \"top-k: fit\".",
        keep(0, 4, 0),
        keep(1, 4, 3));
  }

  private void assertRefused(String message, KeepExperts... steps) {
    assertThatExceptionOfType(PlanMismatchException.class)
        .isThrownBy(() -> lower(TinyMoe.qwen3(), steps))
        .withMessageContaining(message);
  }

  // The conservation law.

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6})
  void everySourceTensorIsUsedOnceOrListedAsDropped(long seed) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    TinyMoe moe = random.nextBoolean() ? TinyMoe.qwen3() : TinyMoe.mixtral();
    int experts = random.nextInt(2, 12);
    int layers = random.nextInt(1, 4);
    int kept = random.nextInt(2, experts + 1);
    moe.experts(experts).layers(layers);
    if (random.nextBoolean()) {
      moe.tied();
    }
    KeepExperts[] steps =
        IntStream.range(0, layers)
            .mapToObj(layer -> keep(layer, experts, choose(random, experts, kept)))
            .toArray(KeepExperts[]::new);

    LoweredPlan plan = lower(moe, steps);

    List<String> used =
        plan.tensors().stream().flatMap(tensor -> tensor.program().sources().stream()).toList();
    assertThat(used).doesNotHaveDuplicates();
    Set<String> accounted = new HashSet<>(used);
    assertThat(Collections.disjoint(accounted, plan.dropped().keySet())).isTrue();
    accounted.addAll(plan.dropped().keySet());
    assertThat(accounted).isEqualTo(moe.tensors().keySet());
    assertThat(names(plan.tensors())).doesNotHaveDuplicates();
    assertThat(plan.dropped()).hasSize(3 * layers * (experts - kept));
  }

  private static int[] choose(SplittableRandom random, int experts, int count) {
    Set<Integer> chosen = new TreeSet<>();
    while (chosen.size() < count) {
      chosen.add(random.nextInt(experts));
    }
    return chosen.stream().mapToInt(Integer::intValue).toArray();
  }

  @Test
  void sizesOfTheResultAreKnownBeforeAnythingIsWritten() throws IOException {
    LoweredPlan plan = lower(TinyMoe.qwen3().dtype("BF16"), keep(0, 4, 0, 1), keep(1, 4, 0, 1));

    long parameters = plan.tensors().stream().mapToLong(t -> t.info().shape().elementCount()).sum();
    assertThat(plan.parameterCount()).isEqualTo(parameters);
    assertThat(plan.byteCount()).isEqualTo(2 * parameters);
  }

  private LoweredPlan lower(TinyMoe moe, KeepExperts... steps) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe.write(folder))) {
      return Lowering.lower(MoeModel.of(checkpoint), List.of(steps));
    }
  }

  private static List<String> names(Collection<OutputTensor> tensors) {
    return tensors.stream().map(tensor -> tensor.info().name()).toList();
  }

  private static Map<String, OutputTensor> byName(LoweredPlan plan) {
    return plan.tensors().stream()
        .collect(Collectors.toMap(tensor -> tensor.info().name(), Function.identity()));
  }
}
