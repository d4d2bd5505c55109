package io.moepress.calibrate.forward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.Domain;
import io.moepress.calibrate.corpus.TokenSequence;
import io.moepress.calibrate.measure.Calibration;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.evidence.EvidenceRequest;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeExperts.Group;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.Planted;
import io.moepress.testdata.Stacked;
import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Router rows that lead to the same expert after a merge.
class ExpertMapForwardTest {
  @TempDir private Path folder;

  /// Experts 1 and 3 of layer 0 are copies of expert 0, and expert 2 of layer 1 is one of expert 1.
  private TinyMoe twins() {
    return TinyMoe.qwen3()
        .layers(2)
        .experts(6)
        .topK(3)
        .plant(Planted.twinExperts(0, 0, 1))
        .plant(Planted.twinExperts(0, 0, 3))
        .plant(Planted.twinExperts(1, 1, 2));
  }

  private static List<MergeExperts> twinsMerged(String router) {
    return List.of(
        new MergeExperts(
            0,
            "test",
            router,
            List.of(Group.mean(List.of(0, 1, 3)), alone(2), Group.represented(List.of(4, 5), 4))),
        new MergeExperts(
            1,
            "test",
            router,
            List.of(alone(0), Group.mean(List.of(1, 2)), alone(3), alone(4), alone(5))));
  }

  private static Group alone(int expert) {
    return Group.represented(List.of(expert), expert);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void copiesThatAreMergedLoseNothing(boolean stacked) throws IOException {
    TinyMoe moe = twins().plant(Planted.twinExperts(0, 4, 5));
    if (stacked) {
      moe.plant(Stacked.OUTPUT_FIRST);
    }
    try (CheckpointDirectory source = CheckpointDirectory.open(moe.write(folder))) {
      Checkpoint mapped = merged(source, twinsMerged("map"));

      assertThat(mapped.config().text())
          .contains("\"expert_map\": [[0, 0, 1, 0, 2, 2], [0, 1, 1, 2, 3, 4]]");
      assertThat(Streamed.logits(mapped, corpus(32), 2))
          .isEqualTo(Streamed.logits(source, corpus(32), 1));
    }
  }

  /// One row for two copies halves what a token gives them.
  @Test
  void oneRowForCopiesIsAnotherFunction() throws IOException {
    try (CheckpointDirectory source = CheckpointDirectory.open(twins().topK(2).write(folder))) {
      List<MergeExperts> steps =
          List.of(
              new MergeExperts(
                  0,
                  "test",
                  "dominant",
                  List.of(
                      Group.represented(List.of(0, 1), 0),
                      alone(2),
                      alone(3),
                      alone(4),
                      alone(5))));

      assertThat(Streamed.logits(merged(source, steps), corpus(32), 1))
          .isNotEqualTo(Streamed.logits(source, corpus(32), 1));
    }
  }

  /// Whatever is merged: the map stands for a model that has the merged expert in the place of each
  /// member, also where the router chooses by groups that the merge does not respect, where there
  /// are a shared expert and a selection bias, and where a layer keeps all.
  @ParameterizedTest
  @ValueSource(strings = {"tiny-deepseekv3", "tiny-mixtral"})
  void rowsLeadToTheExpertTheirOwnBecamePartOf(String model) throws IOException {
    try (CheckpointDirectory source = CheckpointDirectory.open(TestData.path("models/" + model))) {
      List<Integer> layers = MoeModel.of(source).layout().moeLayers();
      int experts = MoeModel.of(source).layout().experts();
      List<MergeExperts> steps = new ArrayList<>();
      for (int layer : layers.subList(1, layers.size())) {
        List<Group> groups = new ArrayList<>();
        for (int first = 0; first < experts / 2; first++) { // experts of different groups
          groups.add(
              new Group(
                  List.of(first, first + experts / 2), List.of(0.25, 0.75), List.of(1.0, 1.0)));
        }
        steps.add(new MergeExperts(layer, "test", "map", groups));
      }
      Checkpoint mapped = merged(source, steps);

      float[] logits = Streamed.logits(mapped, corpus(1000), 1);

      assertThat(logits).isEqualTo(Streamed.logits(new Expanded(source, mapped), corpus(1000), 1));
      assertThat(logits).isNotEqualTo(Streamed.logits(source, corpus(1000), 1));
    }
  }

  @Test
  void whatWasMergedSoCannotBeCalibrated() throws IOException {
    try (CheckpointDirectory source = CheckpointDirectory.open(twins().write(folder));
        Workers workers = new Workers(1)) {
      MoeModel mapped = MoeModel.of(merged(source, twinsMerged("map")));
      Calibration calibration = new Calibration(PassResources.inMemory(workers, Progress.SILENT));

      assertThatExceptionOfType(PlanMismatchException.class)
          .isThrownBy(() ->
              calibration.measure(
                  mapped,
                  "sha256:0",
                  corpus(32),
                  512,
                  EvidenceRequest.of(Set.of(Statistic.ROUTED_TOKENS))))
          .withMessage(
              "calibration: several router rows of this model lead to one expert (config.json:"
                  + " expert_map; expected a row for each). Begin with the model it was merged from,"
                  + " or merge with \"router: dominant\".");
    }
  }

  private static Checkpoint merged(Checkpoint source, List<MergeExperts> steps) {
    return new PlannedCheckpoint(source, Lowering.lower(MoeModel.of(source), steps));
  }

  private static Corpus corpus(int vocabulary) {
    int[] ids = IntStream.range(0, 40).map(i -> (7 + 37 * i) % vocabulary).toArray();
    return new Corpus(
        List.of(new Domain("test", "test", "sha256:0")), List.of(new TokenSequence(0, ids)));
  }

  /// The source, with every expert replaced by the one that its row leads to.
  private record Expanded(Checkpoint source, Checkpoint mapped) implements Checkpoint {
    private static final Pattern EXPERT =
        Pattern.compile("(model\\.layers\\.)(\\d+)(\\..*experts\\.)(\\d+)(\\..*)");

    @Override
    public String name() {
      return "expanded";
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
      Matcher name = EXPERT.matcher(tensor);
      int layer = name.matches() ? Integer.parseInt(name.group(2)) : -1;
      MoeModel model = MoeModel.of(mapped);
      if (layer < 0 || layer >= model.layout().layers()) {
        return source.read(tensor, arena);
      }
      int expert = model.layout().expertMap().expert(layer, Integer.parseInt(name.group(4)));
      return mapped.read(name.group(1) + layer + name.group(3) + expert + name.group(5), arena);
    }

    @Override
    public void close() {}
  }
}
