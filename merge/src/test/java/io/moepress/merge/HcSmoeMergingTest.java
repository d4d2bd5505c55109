package io.moepress.merge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.moepress.formats.architecture.ExpertMatrix.Projection;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.json.Json;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.evidence.MissingEvidenceException;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.Alignment;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeExperts.Group;
import io.moepress.recipes.plan.MergeExperts.Join;
import io.moepress.recipes.plan.MergeOptions;
import io.moepress.recipes.plan.MergeRouter;
import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/// Which experts HC-SMoE merges, and with which shares.
class HcSmoeMergingTest {
  private static final HcSmoeMerging METHOD =
      new HcSmoeMerging(Linkage.AVERAGE, Features.OUTPUTS, Weighting.FREQUENCY);

  @TempDir private Path folder;

  /// Mean outputs of a trained model give the clusters of the reference implementation, and routed
  /// tokens the shares.
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void clustersAreTheReferenceImplementations(int layer) throws IOException {
    JsonNode golden =
        Json.object(TestData.path("golden/models/tiny-mixtral.methods.json"))
            .at("/layers/" + layer);
    JsonNode means = golden.at("/hc_smoe/mean_outputs");
    double[][] outputs = new double[8][];
    double[] routed = new double[8];
    for (int expert = 0; expert < 8; expert++) {
      outputs[expert] = numbers(means.get(expert));
      routed[expert] = golden.get("routed_tokens").get(expert).asDouble();
    }

    MergeExperts step = about(8).meanOutputs(outputs).routed(routed).ask(METHOD, 4);

    assertThat(step.groups().stream().map(Group::members).toList().toString().replace(" ", ""))
        .isEqualTo(golden.at("/hc_smoe/clusters_half").toString());
    assertThat(step.joins()).hasSize(4);
    for (int i = 0; i < 4; i++) { // eight digits are in the file
      assertThat(step.joins().get(i).height())
          .isCloseTo(golden.at("/hc_smoe/merge_heights").get(i).asDouble(), within(1e-6));
    }
    for (Group group : step.groups()) {
      double total = group.members().stream().mapToDouble(member -> routed[member]).sum();
      for (int i = 0; i < group.members().size(); i++) {
        double share =
            total == 0 ? 1.0 / group.members().size() : routed[group.members().get(i)] / total;
        assertThat(group.weights().get(i)).isCloseTo(share, within(1e-12));
      }
    }
  }

  private static double[] numbers(JsonNode list) {
    double[] numbers = new double[list.size()];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = list.get(i).asDouble();
    }
    return numbers;
  }

  @Test
  void expertsAreWeighedByRoutedTokensAndTheMostUsedKeepsItsRow() throws IOException {
    MergeExperts step = line(0, 0, 5, 9).routed(10, 30, 1, 1).ask(METHOD, 3);

    assertThat(step.groups())
        .containsExactly(
            new Group(List.of(0, 1), List.of(0.25, 0.75), List.of(0.0, 1.0)),
            Group.represented(List.of(2), 2),
            Group.represented(List.of(3), 3));
    assertThat(step.joins()).containsExactly(new Join(0, 1, 0));
    assertThat(step.router()).isEqualTo("dominant");
    assertThat(step.rule().onlyAddsUp()).isTrue();
  }

  /// Where nobody was routed there is nothing to weigh by, and nobody may be lost.
  @Test
  void aClusterThatNoTokenChoseIsThePlainMean() throws IOException {
    MergeExperts step =
        line(0, 0, 5, 9)
            .routed(0, 0, 7, 7)
            .options(Alignment.NONE, MergeRouter.FREQUENCY_MEAN)
            .ask(METHOD, 3);

    assertThat(step.groups().getFirst()).isEqualTo(Group.mean(List.of(0, 1)));
  }

  @Test
  void routerRowsComeFromWhereTheRecipeSays() throws IOException {
    MergeQuestion question = line(0, 0, 5, 9).routed(10, 30, 1, 1);

    assertThat(rows(question, MergeRouter.DOMINANT)).containsExactly(0.0, 1.0);
    assertThat(rows(question, MergeRouter.MEAN)).containsExactly(0.5, 0.5);
    assertThat(rows(question, MergeRouter.FREQUENCY_MEAN)).containsExactly(0.25, 0.75);
  }

  /// A merged row draws what its members drew together. Clusters of one need nothing, nor do
  /// routers that keep all rows, and where there is no bias there is nothing to add to.
  @Test
  void aRouterBiasMakesUpForTheRowsThatGo() throws IOException {
    String config = Files.readString(TestData.path("golden/arch/gpt_oss/config.json"));
    ModelLayout layout = ModelLayout.of(ModelConfig.parse(config));
    MergeQuestion question =
        new MergeQuestion(layout)
            .meanOutputs(
                new double[] {0},
                new double[] {0},
                new double[] {0},
                new double[] {5},
                new double[] {5},
                new double[] {9})
            .routed(1, 4, 3, 0, 0, 2);

    assertThat(biases(question, MergeRouter.DOMINANT))
        .containsExactly(Math.log(8 / 4.0), Math.log(2), 0.0); // nobody chose the second
    assertThat(biases(question, MergeRouter.MEAN)).containsExactly(Math.log(3), Math.log(2), 0.0);
    assertThat(biases(question, MergeRouter.FREQUENCY_MEAN))
        .containsExactly(Math.log(3), Math.log(2), 0.0);
    assertThat(biases(question, MergeRouter.MAP)).containsOnly(0.0);
    assertThat(biases(line(0, 0, 0, 5, 5, 9), MergeRouter.MEAN)).containsOnly(0.0);
  }

  private static List<Double> biases(MergeQuestion question, MergeRouter router)
      throws IOException {
    return question.options(Alignment.NONE, router).ask(METHOD, 3).groups().stream()
        .map(Group::routerBias)
        .toList();
  }

  /// However many experts are held at a time, distances are the same, and no expert is read more
  /// often than blocks ask for.
  @ParameterizedTest
  @CsvSource({"1, 15", "2, 9", "4, 6", "5, 5", "9, 5"})
  void weightsAreReadInBlocks(int block, int reads) throws IOException {
    try (CheckpointDirectory checkpoint =
        CheckpointDirectory.open(TinyMoe.qwen3().experts(5).write(folder))) {
      Counted counted = new Counted(checkpoint, new int[1]);
      MoeModel model = MoeModel.of(counted);

      double[][] distances = Distances.ofWeights(model, 1, block);

      assertThat(counted.reads()[0]).isEqualTo(3 * reads);
      double[][] rows = new double[5][];
      for (int expert = 0; expert < 5; expert++) {
        ExpertWeights weights = ExpertWeights.read(model, 1, expert);
        rows[expert] =
            Stream.of(Projection.values())
                .flatMapToDouble(projection -> Arrays.stream(weights.get(projection)))
                .toArray();
      }
      assertThat(distances).isDeepEqualTo(Distances.ofRows(rows));
    }
  }

  /// Counts the tensors that are read.
  private record Counted(CheckpointDirectory source, int[] reads) implements Checkpoint {
    @Override
    public String name() {
      return source.name();
    }

    @Override
    public ModelConfig config() {
      return source.config();
    }

    @Override
    public SortedMap<String, TensorInfo> tensors() {
      return source.tensors();
    }

    @Override
    public TensorData read(String tensor, Arena arena) throws IOException {
      reads[0]++;
      return source.read(tensor, arena);
    }

    @Override
    public void close() {}
  }

  private static List<Double> rows(MergeQuestion question, MergeRouter router) throws IOException {
    return question
        .options(Alignment.NONE, router)
        .ask(METHOD, 3)
        .groups()
        .getFirst()
        .routerWeights();
  }

  @Test
  void thePlainMeanDoesNotLookAtCounts() throws IOException {
    HcSmoeMerging mean = new HcSmoeMerging(Linkage.AVERAGE, Features.OUTPUTS, Weighting.MEAN);

    MergeExperts step = line(0, 0, 5, 9).routed(10, 30, 1, 1).ask(mean, 3);

    assertThat(step.groups().getFirst().weights()).containsExactly(0.5, 0.5);
  }

  @Test
  void guardedExpertsAreNeverMerged() throws IOException {
    MergeExperts step = line(0, 0, 1, 9).guard(0).ask(METHOD, 3);

    assertThat(step.groups())
        .extracting(Group::members)
        .containsExactly(List.of(0), List.of(1, 2), List.of(3));
  }

  @Test
  void moreGuardedExpertsThanMayBeLeftAreRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> line(0, 1, 2, 3).guard(0, 2).ask(METHOD, 2))
        .withMessageContaining("layer 0: 2 experts are protected ([0, 2])")
        .withMessageContaining("Leave more, or protect fewer");
  }

  /// DeepSeek's router chooses by groups of four experts. Twins in different groups stay apart.
  @Test
  void clustersLieWithinTheGroupsOfTheRouter() throws IOException {
    ModelLayout layout =
        ModelLayout.of(
            ModelConfig.parse(
                Files.readString(TestData.path("models/tiny-deepseekv3/config.json"))));
    double[][] outputs = new double[16][1];
    for (int expert = 0; expert < 16; expert++) {
      outputs[expert][0] = expert % 4 * (1 + expert / 4); // all first ones of a group are alike
    }

    MergeExperts step = new MergeQuestion(layout).meanOutputs(outputs).ask(METHOD, 8);

    assertThat(step.groups()).hasSize(8);
    for (int group = 0; group < 4; group++) {
      int first = 4 * group;
      List<List<Integer>> inGroup =
          step.groups().stream()
              .map(Group::members)
              .filter(members -> members.getFirst() / 4 == first / 4)
              .toList();
      assertThat(inGroup)
          .hasSize(2)
          .allMatch(members -> members.stream().allMatch(member -> member / 4 == first / 4));
    }
  }

  @Test
  void routerLogitsGiveDistances() throws IOException {
    double[][] gram = {{1, 1, 0}, {1, 1, 0}, {0, 0, 4}}; // experts 0 and 1 hear the same
    HcSmoeMerging logits =
        new HcSmoeMerging(Linkage.AVERAGE, Features.ROUTER_LOGITS, Weighting.FREQUENCY);

    MergeExperts step = about(3).with(Statistic.ROUTER_LOGIT_GRAM, gram).ask(logits, 1);

    double far = Math.sqrt(5.0 / MergeQuestion.TOKENS);
    assertThat(step.joins()).containsExactly(new Join(0, 1, 0), new Join(0, 2, far));
  }

  @Test
  void whatIsNeededDependsOnTheFeatures() {
    assertThat(METHOD.needs())
        .containsExactlyInAnyOrder(Statistic.ROUTED_TOKENS, Statistic.RESERVOIR_OUTPUT_SUM);
    assertThat(new HcSmoeMerging(Linkage.WARD, Features.WEIGHTS, Weighting.MEAN).needs())
        .containsExactly(Statistic.ROUTED_TOKENS);
    assertThatExceptionOfType(MissingEvidenceException.class)
        .isThrownBy(() -> about(3).ask(METHOD, 2))
        .withMessageContaining("reservoir-output-sum");
  }

  @Test
  void fixedDominantMatchesByItself() {
    HcSmoeMerging fixed =
        new HcSmoeMerging(Linkage.AVERAGE, Features.OUTPUTS, Weighting.FIXED_DOMINANT);

    assertThat(fixed.needsReservoir()).isTrue();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> fixed.checked(new MergeOptions(Alignment.WEIGHTS, MergeRouter.DOMINANT)))
        .withMessageContaining("align: weights has no meaning");
  }

  private static MergeQuestion about(int experts) {
    TinyMoe model = TinyMoe.mixtral().layers(1).experts(experts).topK(1);
    return new MergeQuestion(ModelLayout.of(ModelConfig.parse(model.configJson())));
  }

  /// Mean outputs of one element.
  private static MergeQuestion line(double... outputs) {
    double[][] means = new double[outputs.length][];
    for (int i = 0; i < outputs.length; i++) {
      means[i] = new double[] {outputs[i]};
    }
    return about(outputs.length).meanOutputs(means);
  }
}
