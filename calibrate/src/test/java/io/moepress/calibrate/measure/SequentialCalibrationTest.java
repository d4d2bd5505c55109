package io.moepress.calibrate.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.calibrate.corpus.Corpora;
import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.forward.PassResources;
import io.moepress.formats.architecture.LinearInput;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceFile;
import io.moepress.recipes.evidence.EvidenceRequest;
import io.moepress.recipes.evidence.LayerEvidence;
import io.moepress.recipes.evidence.LinearStatistic;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.LinearScope;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.recipes.plan.SparsifyWeights;
import io.moepress.recipes.plan.SparsityOptions;
import io.moepress.recipes.plan.StarvedMode;
import io.moepress.recipes.plan.ZeroPattern;
import io.moepress.recipes.planning.DecidedSparsity;
import io.moepress.recipes.planning.EvidenceNeeds;
import io.moepress.recipes.planning.LayerSparsifier;
import io.moepress.recipes.recipe.SparsifyStep;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Layers that are changed as soon as they are measured, so that those behind them see it.
class SequentialCalibrationTest {
  private static final int LAYERS = 4;

  @TempDir private Path folder;

  /// Decides as a step that sets weights to zero does, and remembers what it decided.
  private static final class Remembering implements LayerDecision {
    private final LayerSparsifier sparsifier;
    private final List<SparsifyWeights> decided = new ArrayList<>();

    Remembering(Checkpoint checkpoint, String sparsity, LinearScope scope) {
      SortedMap<Integer, ZeroPattern> patterns = new TreeMap<>();
      for (int layer = 0; layer < LAYERS; layer++) {
        patterns.put(layer, ZeroPattern.parse(sparsity));
      }
      SparsifyStep step =
          new SparsifyStep(
              new DecidedSparsity("test", patterns),
              ZeroPattern.parse(sparsity),
              new SparsityOptions(scope, true, StarvedMode.SKIP, 0));
      this.sparsifier = new LayerSparsifier(MoeModel.of(checkpoint), step, patterns);
    }

    EvidenceRequest needs() {
      return EvidenceNeeds.of(sparsifier.step());
    }

    @Override
    public String description() {
      return sparsifier.description();
    }

    @Override
    public List<? extends PlanStep> decide(LayerEvidence evidence) {
      List<SparsifyWeights> steps = sparsifier.decide(evidence).stream().toList();
      decided.addAll(steps);
      return steps;
    }
  }

  private CheckpointDirectory open(String family) throws IOException {
    return CheckpointDirectory.open(
        family.equals("qwen3")
            ? TinyMoe.qwen3().layers(LAYERS).experts(5).write(folder.resolve("model"))
            : TestData.path(family));
  }

  private static Corpus corpus() {
    return Corpora.of(Corpora.random(1, 32, 20, 15), Corpora.random(2, 32, 9));
  }

  private static Evidence measure(
      Checkpoint checkpoint, EvidenceRequest request, int threads, LayerDecision... decision)
      throws IOException {
    try (Workers workers = new Workers(threads)) {
      PassResources resources = PassResources.inMemory(workers, Progress.SILENT);
      return new Calibration(resources, decision.length == 0 ? null : decision[0])
          .measure(MoeModel.of(checkpoint), Measured.FINGERPRINT, corpus(), 512, request);
    }
  }

  /// The definition: to measure layer `l`, change the layers before it, and measure all at once.
  @ParameterizedTest
  @CsvSource({
    "qwen3, FEED_FORWARD",
    "qwen3, ALL_LINEAR",
    "models/tiny-deepseekv3, FEED_FORWARD",
    "models/tiny-deepseekv3, ALL_LINEAR"
  })
  void everyLayerSeesItsChangedPredecessors(String family, LinearScope scope) throws IOException {
    try (CheckpointDirectory checkpoint = open(family)) {
      Remembering decision = new Remembering(checkpoint, "40%", scope);

      Evidence evidence = measure(checkpoint, decision.needs(), 2, decision);

      assertThat(decision.decided).hasSize(LAYERS);
      for (int layer = 0; layer < LAYERS; layer++) {
        List<SparsifyWeights> before = decision.decided.subList(0, layer);
        Checkpoint changed =
            new PlannedCheckpoint(checkpoint, Lowering.lower(MoeModel.of(checkpoint), before));
        Evidence naive = measure(changed, decision.needs(), 2);
        assertSame(evidence, naive, layer);
      }
    }
  }

  private static void assertSame(Evidence found, Evidence expected, int layer) {
    assertThat(values(found, layer)).as("layer %d", layer).isDeepEqualTo(values(expected, layer));
  }

  /// Everything that is known of a layer.
  private static double[][] values(Evidence evidence, int layer) {
    List<double[]> values = new ArrayList<>();
    LayerEvidence found = evidence.layer(layer);
    Evidence.Layer experts = found.experts();
    if (experts != null) {
      experts.values().values().forEach(rows -> values.addAll(List.of(rows)));
      for (Statistic matrix : experts.parts().statistics()) {
        values.addAll(List.of(experts.matrix(matrix)));
      }
    }
    for (LinearStatistic sum : found.linears().statistics()) {
      for (LinearInput input : found.linears().inputs(sum)) {
        values.addAll(List.of(found.linears().sum(sum, input)));
      }
    }
    assertThat(values).isNotEmpty();
    return values.toArray(double[][]::new);
  }

  @Test
  void theFirstLayerIsTheSameAndTheOthersAreNot() throws IOException {
    try (CheckpointDirectory checkpoint = open("qwen3")) {
      Remembering decision = new Remembering(checkpoint, "40%", LinearScope.FEED_FORWARD);

      Evidence sequential = measure(checkpoint, decision.needs(), 2, decision);
      Evidence atOnce = measure(checkpoint, decision.needs(), 2);

      assertThat(values(sequential, 0)).isDeepEqualTo(values(atOnce, 0));
      for (int layer = 1; layer < LAYERS; layer++) {
        assertThat(Arrays.deepEquals(values(sequential, layer), values(atOnce, layer))).isFalse();
      }
    }
  }

  @Test
  void aDecisionIsAFunctionOfTheEvidenceThatIsKept() throws IOException {
    try (CheckpointDirectory checkpoint = open("qwen3")) {
      Remembering decision = new Remembering(checkpoint, "2:4", LinearScope.ALL_LINEAR);
      EvidenceFile.write(
          measure(checkpoint, decision.needs(), 2, decision), folder.resolve("evidence"));
      List<SparsifyWeights> decided = List.copyOf(decision.decided);

      Evidence read = EvidenceFile.read(folder.resolve("evidence"));

      List<SparsifyWeights> again = new ArrayList<>();
      for (int layer = 0; layer < LAYERS; layer++) {
        decision.sparsifier.decide(read.layer(layer)).ifPresent(again::add);
      }
      assertThat(again).isEqualTo(decided);
    }
  }

  @Test
  void theEvidenceSaysWhatWasDone() throws IOException {
    try (CheckpointDirectory checkpoint = open("qwen3")) {
      Remembering decision = new Remembering(checkpoint, "40%", LinearScope.FEED_FORWARD);
      Remembering other = new Remembering(checkpoint, "50%", LinearScope.FEED_FORWARD);
      EvidenceFile.write(
          measure(checkpoint, decision.needs(), 2, decision), folder.resolve("evidence"));

      Evidence read = EvidenceFile.read(folder.resolve("evidence"));

      assertThat(read.propagation()).contains("40%").isEqualTo(decision.description());
      String name = Measured.FINGERPRINT;
      assertThat(Calibration.isOf(read, name, corpus(), 512)).isFalse();
      assertThat(Calibration.isOf(read, name, corpus(), 512, decision)).isTrue();
      assertThat(Calibration.isOf(read, name, corpus(), 512, other)).isFalse();
    }
  }

  @Test
  void theNumberOfWorkersDoesNotChangeABit() throws IOException {
    try (CheckpointDirectory checkpoint = open("qwen3")) {
      for (int threads : new int[] {1, 3}) {
        Remembering decision = new Remembering(checkpoint, "40%", LinearScope.ALL_LINEAR);
        EvidenceFile.write(
            measure(checkpoint, decision.needs(), threads, decision), folder.resolve("" + threads));
      }
    }

    assertThat(folder.resolve("1/evidence.json"))
        .hasSameBinaryContentAs(folder.resolve("3/evidence.json"));
  }

  @Test
  void goingOnGivesTheSameBytesAsNeverStopping() throws IOException {
    try (CheckpointDirectory checkpoint = open("qwen3")) {
      Path stopped = folder.resolve("stopped");
      assertThatExceptionOfType(CancellationException.class)
          .isThrownBy(() -> resumable(checkpoint, "40%", stopped, new Stopping()));
      assertThat(stopped.resolve("snapshot.json")).exists();

      EvidenceFile.write(
          resumable(checkpoint, "40%", stopped, Progress.SILENT), folder.resolve("resumed"));
      EvidenceFile.write(
          resumable(checkpoint, "40%", folder.resolve("fresh"), Progress.SILENT),
          folder.resolve("whole"));

      assertThat(folder.resolve("resumed/evidence.json"))
          .hasSameBinaryContentAs(folder.resolve("whole/evidence.json"));
    }
  }

  @Test
  void whatWasMeasuredBehindOtherDecisionsIsNotUsed() throws IOException {
    try (CheckpointDirectory checkpoint = open("qwen3")) {
      Path stopped = folder.resolve("stopped");
      assertThatExceptionOfType(CancellationException.class)
          .isThrownBy(() -> resumable(checkpoint, "40%", stopped, new Stopping()));

      Evidence other = resumable(checkpoint, "50%", stopped, Progress.SILENT);
      Evidence fresh = resumable(checkpoint, "50%", folder.resolve("fresh"), Progress.SILENT);

      assertThat(values(other, 3)).isDeepEqualTo(values(fresh, 3));
    }
  }

  private static Evidence resumable(
      Checkpoint checkpoint, String sparsity, Path snapshots, Progress progress)
      throws IOException {
    Remembering decision = new Remembering(checkpoint, sparsity, LinearScope.FEED_FORWARD);
    try (Workers workers = new Workers(2)) {
      return new Calibration(PassResources.inMemory(workers, progress), decision)
          .measure(
              MoeModel.of(checkpoint),
              Measured.FINGERPRINT,
              corpus(),
              512,
              decision.needs(),
              snapshots);
    }
  }
}
