package io.moepress.recipes.planning;

import static io.moepress.recipes.evidence.Statistic.GATE_SUM;
import static io.moepress.recipes.evidence.Statistic.OUTPUT_MAXIMUM;
import static io.moepress.recipes.evidence.Statistic.ROUTED_TOKENS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.moepress.formats.architecture.ArchitectureCatalog;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.HandmadeEvidence;
import io.moepress.recipes.evidence.MissingEvidenceException;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.Budget;
import io.moepress.recipes.plan.ExpertId;
import io.moepress.recipes.plan.KeepCount;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.KeepRatio;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.Protection;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.plan.PruneRequest;
import io.moepress.recipes.plan.RouterMode;
import io.moepress.recipes.plan.RouterOptions;
import io.moepress.recipes.plan.SamplePlans;
import io.moepress.recipes.planning.Planner.Subject;
import io.moepress.recipes.recipe.PruneStep;
import io.moepress.recipes.target.Target;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PlannerTest {
  private static final String CHECKPOINT = HandmadeEvidence.CHECKPOINT;
  private static final Protection NONE = new Protection(false, List.of());
  private static final Budget HALF = KeepRatio.parse("50%");

  @TempDir Path folder;

  /// Keeps the first experts of each layer and remembers what it was asked.
  private record KeepFirst(Set<Statistic> needs, List<PruneRequest> asked) implements PruneMethod {
    KeepFirst(Statistic... needs) {
      this(Set.of(needs), new ArrayList<>());
    }

    @Override
    public String name() {
      return "keep-first";
    }

    @Override
    public List<KeepExperts> plan(PruneRequest request) {
      asked.add(request);
      return request.evidence().layers().entrySet().stream()
          .map(layer -> first(layer.getKey(), layer.getValue(), request))
          .toList();
    }

    private KeepExperts first(int layer, Evidence.Layer evidence, PruneRequest request) {
      needs.forEach(evidence::total);
      int count = SamplePlans.asked(request, layer);
      return SamplePlans.keep(layer, evidence.experts(), IntStream.range(0, count).toArray());
    }
  }

  /// Keeps two experts of layer 0 and four of layer 1.
  private record Uneven() implements PruneMethod {
    @Override
    public String name() {
      return "uneven";
    }

    @Override
    public Set<Statistic> needs() {
      return Set.of();
    }

    @Override
    public List<KeepExperts> plan(PruneRequest request) {
      return List.of(SamplePlans.keep(0, 4, 0, 1), SamplePlans.keep(1, 4, 0, 1, 2, 3));
    }
  }

  // What a plan says.

  @Test
  void aPlanHoldsTheDecisionsAndTheSizesBeforeAndAfter() throws IOException {
    Plan plan =
        plan(TinyMoe.qwen3(), step(new KeepFirst(), HALF, NONE), subject(evidence(), Target.VLLM));

    assertThat(plan.modelType()).isEqualTo("qwen3_moe");
    assertThat(plan.checkpoint()).isEqualTo(CHECKPOINT);
    assertThat(plan.evidence()).isEqualTo("sha256:evidence");
    assertThat(plan.target()).isEqualTo("vllm");
    assertThat(plan.steps())
        .containsExactly(SamplePlans.keep(0, 4, 0, 1), SamplePlans.keep(1, 4, 0, 1));
    // Each layer loses two experts of three matrices of 8 × 16, and two router rows of 16.
    long lost = 2 * (2 * 3 * 8 * 16 + 2 * 16);
    assertThat(plan.before().experts()).isEqualTo(4);
    assertThat(plan.after().experts()).isEqualTo(2);
    assertThat(plan.before().parameters() - plan.after().parameters()).isEqualTo(lost);
    assertThat(plan.before().bytes()).isEqualTo(4 * plan.before().parameters());
    assertThat(plan.after().bytes()).isEqualTo(4 * plan.after().parameters());
  }

  @Test
  void theSameQuestionGetsTheSamePlan() throws IOException {
    PruneStep step = step(new KeepFirst(GATE_SUM), HALF, Protection.DEFAULT);
    Subject subject = subject(evidence(), Target.SGLANG);

    assertThat(plan(TinyMoe.qwen3(), step, subject).json())
        .isEqualTo(plan(TinyMoe.qwen3(), step, subject).json());
  }

  @Test
  void aMethodThatNeedsNothingIsAskedAboutEveryLayerWithoutEvidence() throws IOException {
    Plan plan = plan(TinyMoe.qwen3(), step(new KeepFirst(), HALF, NONE), withoutEvidence());

    assertThat(plan.evidence()).isNull();
    assertThat(plan.steps()).hasSize(2);
  }

  @Test
  void denseLayersAreNotAskedAbout() throws IOException {
    TinyMoe dense = withDenseFirstLayer(TinyMoe.qwen3());

    Plan plan = plan(dense, step(new KeepFirst(), HALF, NONE), withoutEvidence());

    assertThat(plan.steps()).containsExactly(SamplePlans.keep(1, 4, 0, 1));
  }

  private static TinyMoe withDenseFirstLayer(TinyMoe moe) {
    moe.config("mlp_only_layers", "[0]")
        .plant((sizes, tensors) ->
            tensors.keySet().removeIf(n -> n.startsWith("model.layers.0.mlp.")));
    for (String name : List.of("gate_proj", "up_proj")) {
      moe.shape("model.layers.0.mlp." + name + ".weight", 32, 16);
    }
    return moe.shape("model.layers.0.mlp.down_proj.weight", 16, 32);
  }

  // What does not fit is refused.

  @Test
  void aMethodThatNeedsCalibrationSaysSo() {
    assertRefused(
        step(new KeepFirst(ROUTED_TOKENS, GATE_SUM), HALF, NONE),
        withoutEvidence(),
        "method keep-first needs calibration ([gate-sum, routed-tokens]). Add calibration data to"
            + " the recipe, or give evidence with --evidence.");
  }

  @Test
  void evidenceOfAnotherCheckpointIsRefused() {
    assertRefused(
        step(new KeepFirst(), HALF, NONE),
        subject(handmade(0, 1).evidence("sha256:other"), Target.VLLM),
        "the evidence was measured on checkpoint sha256:other, this one is sha256:handmade."
            + " Calibrate this one.");
  }

  @Test
  void evidenceOfOtherLayersIsRefused() {
    assertRefused(
        step(new KeepFirst(), HALF, NONE),
        subject(handmade(0, 1, 2).evidence(), Target.VLLM),
        "the evidence has layers [0, 1, 2], the model has experts in [0, 1]");
  }

  @Test
  void aStatisticTheEvidenceLacksIsNamed() {
    assertThatExceptionOfType(MissingEvidenceException.class)
        .isThrownBy(() ->
            plan(
                TinyMoe.qwen3(),
                step(new KeepFirst(Statistic.EASY_EP_SUM), HALF, NONE),
                subject(evidence(), Target.VLLM)))
        .withMessageContaining("no easy-ep-sum");
  }

  @Test
  void aProtectedExpertHasToExist() {
    for (String missing : List.of("1:4", "2:0")) {
      assertRefused(
          step(new KeepFirst(), HALF, new Protection(false, List.of(ExpertId.parse(missing)))),
          withoutEvidence(),
          "protected expert " + missing + " does not exist (layers [0, 1] have experts 0 to 3)");
    }
  }

  @Test
  void fewerExpertsThanATokenUsesAreRefused() {
    assertRefused(
        step(new KeepFirst(), new KeepCount(1), NONE),
        withoutEvidence(),
        "1 of 4 experts would stay in each layer, but every token uses 2 (config.json:"
            + " num_experts_per_tok). Keep at least 2, or let a token use fewer with \"top-k: fit\".");
  }

  @Test
  void asManyExpertsAsATokenUsesAreEnough() throws IOException {
    assertThat(
            plan(TinyMoe.qwen3(), step(new KeepFirst(), new KeepCount(2), NONE), withoutEvidence())
                .after()
                .experts())
        .isEqualTo(2);
  }

  @Test
  void moreExpertsThanThereAreCannotBeKept() {
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            plan(TinyMoe.qwen3(), step(new KeepFirst(), new KeepCount(5), NONE), withoutEvidence()))
        .withMessage("5 experts to keep, but the layer has only 4");
  }

  @Test
  void aTargetMayRefuseThePlan() throws IOException {
    TinyMoe many = TinyMoe.mixtral().layers(1).experts(520).hidden(4).heads(2, 1, 2).expertWidth(1);
    Subject llama = new Subject(null, CHECKPOINT, null, null, Target.LLAMA_CPP);

    assertThatExceptionOfType(PlanMismatchException.class)
        .isThrownBy(() -> plan(many, step(new KeepFirst(), new KeepCount(513), NONE), llama))
        .withMessage(
            "llama.cpp: expert-limit: 513 experts (expected at most 512). The nearest is 512 in every"
                + " layer.");
    assertThatExceptionOfType(PlanMismatchException.class)
        .isThrownBy(() -> preflight(many, new KeepCount(513), Target.LLAMA_CPP))
        .withMessageContaining("The nearest is 512 in every layer.");
    assertThat(plan(many, step(new KeepFirst(), new KeepCount(512), NONE), llama).after().experts())
        .isEqualTo(512);
  }

  /// A method of research that wants another number of experts in each layer.
  @Test
  void layersThatDifferAreRefusedWithTheNearestPlanThatIsUniform() {
    assertRefused(
        step(new Uneven(), HALF, NONE),
        withoutEvidence(),
        "transformers: uniform-experts: 2 experts in layers [0], 4 experts in layers [1] (expected"
            + " one number for all layers). The nearest is 3 in every layer.");
  }

  private void preflight(TinyMoe moe, Budget budget, Target target) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe.write(folder))) {
      Planner.preflight(MoeModel.of(checkpoint), step(new KeepFirst(), budget, NONE), target);
    }
  }

  private void assertRefused(PruneStep step, Subject subject, String message) {
    assertThatExceptionOfType(PlanMismatchException.class)
        .isThrownBy(() -> plan(TinyMoe.qwen3(), step, subject))
        .withMessage(message);
  }

  // Protection.

  @Test
  void protectedAndSuperExpertsAreGuarded() throws IOException {
    KeepFirst method = new KeepFirst();
    Evidence evidence =
        handmade(0, 1).with(1, OUTPUT_MAXIMUM, new double[] {5, 5, 5, 9000}).evidence();
    Protection protection = new Protection(true, List.of(new ExpertId(0, 2)));

    Plan plan =
        plan(TinyMoe.qwen3(), step(method, HALF, protection), subject(evidence, Target.VLLM));

    assertThat(method.asked().getFirst().guarded())
        .containsExactly(new ExpertId(0, 2), new ExpertId(1, 3));
    assertThat(method.asked().getFirst().guardedIn(1)).containsExactly(3);
    assertThat(plan.notes()).contains("super experts (layer:expert), protected: [1:3]");
  }

  @Test
  void superExpertsAreNotGuardedWhereTheRecipeSaysSo() throws IOException {
    KeepFirst method = new KeepFirst();
    Evidence evidence =
        handmade(0, 1).with(1, OUTPUT_MAXIMUM, new double[] {5, 5, 5, 9000}).evidence();

    Plan plan = plan(TinyMoe.qwen3(), step(method, HALF, NONE), subject(evidence, Target.VLLM));

    assertThat(method.asked().getFirst().guarded()).isEmpty();
    assertThat(plan.notes()).isEmpty();
  }

  // Notes.

  @Test
  void notesSayWhenSuperExpertsAreUnknown() throws IOException {
    assertThat(notes(TinyMoe.qwen3(), Protection.DEFAULT, withoutEvidence()))
        .containsExactly("super experts are unknown without calibration, so none is protected");
  }

  @Test
  void notesSayWhenThereAreNoSuperExperts() throws IOException {
    assertThat(notes(TinyMoe.qwen3(), Protection.DEFAULT, subject(evidence(), Target.VLLM)))
        .containsExactly("no super experts found");
  }

  @Test
  void notesCountTheExpertsThatSawNoToken() throws IOException {
    Evidence evidence =
        handmade(0, 1).with(1, ROUTED_TOKENS, new double[] {0, 7, 0, 13}).evidence();

    assertThat(notes(TinyMoe.qwen3(), NONE, subject(evidence, Target.VLLM)))
        .containsExactly("2 of 8 experts saw no calibration token");
  }

  @Test
  void notesSayWhenCuttingTheRouterRaisesTheOtherWeights() throws IOException {
    assertThat(notes(TinyMoe.qwen3().config("norm_topk_prob", "false"), NONE, withoutEvidence()))
        .containsExactly(
            "the router does not renormalise: without the dropped experts' rows the weights of"
                + " those that stay grow");
    assertThat(notes(TinyMoe.mixtral(), NONE, withoutEvidence())).isEmpty();
  }

  @Test
  void aMaskLeavesTheWeightsOfARouterThatDoesNotRenormalise() throws IOException {
    assertThat(masked("false"))
        .containsExactly(
            "dropped experts stay on disk and in memory; the selection bias keeps the router from"
                + " choosing them",
            "the router does not renormalise: dropped experts keep their part of the softmax, so the"
                + " weights of those that stay are what they were");
    assertThat(masked("true")).hasSize(1);
  }

  /// Of a model of the family with a selection bias.
  private List<String> masked(String renormalise) throws IOException {
    TinyMoe moe = TinyMoe.qwen3().config("norm_topk_prob", renormalise);
    for (int layer = 0; layer < 2; layer++) {
      moe.with("model.layers." + layer + ".bias", new long[] {4}, 0, 0, 0, 0);
    }
    Path architecture = folder.resolve("architecture.json");
    try (InputStream shipped =
        Objects.requireNonNull(ArchitectureCatalog.class.getResourceAsStream("qwen3_moe.json"))) {
      Files.writeString(
          architecture,
          new String(shipped.readAllBytes(), StandardCharsets.UTF_8)
              .replaceFirst(
                  "\"router\": \\{\"name\"",
                  "\"selection-bias\": {\"name\": \"model.layers.{layer}.bias\", \"shape\":"
                      + " [\"experts\"]}, \"router\": {\"name\""));
    }
    PruneStep step = new PruneStep(new KeepFirst(), HALF, NONE, RouterOptions.of(RouterMode.MASK));
    try (CheckpointDirectory checkpoint =
        CheckpointDirectory.open(moe.write(folder.resolve("model")), architecture)) {
      return Planner.plan(MoeModel.of(checkpoint), step, withoutEvidence()).notes();
    }
  }

  private List<String> notes(TinyMoe moe, Protection protection, Subject subject)
      throws IOException {
    return plan(moe, step(new KeepFirst(), HALF, protection), subject).notes();
  }

  private Plan plan(TinyMoe moe, PruneStep step, Subject subject) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe.write(folder))) {
      return Planner.plan(MoeModel.of(checkpoint), step, subject);
    }
  }

  private static PruneStep step(PruneMethod method, Budget budget, Protection protection) {
    return new PruneStep(method, budget, protection, RouterMode.SLICE);
  }

  private static Subject withoutEvidence() {
    return new Subject(null, CHECKPOINT, null, null, Target.TRANSFORMERS);
  }

  private static Subject subject(@Nullable Evidence evidence, Target target) {
    return new Subject(null, CHECKPOINT, evidence, "sha256:evidence", target);
  }

  private static Evidence evidence() {
    return handmade(0, 1).evidence();
  }

  /// Layers of four experts that are all alike.
  private static HandmadeEvidence handmade(int... layers) {
    HandmadeEvidence evidence = HandmadeEvidence.of("math");
    for (int layer : layers) {
      evidence
          .with(layer, ROUTED_TOKENS, new double[] {5, 5, 5, 5})
          .with(layer, GATE_SUM, new double[] {1, 1, 1, 1})
          .with(layer, OUTPUT_MAXIMUM, new double[] {5, 5, 5, 5});
    }
    return evidence;
  }
}
