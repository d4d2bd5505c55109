package io.moepress.recipes.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.integer.IntegerScheme;
import io.moepress.recipes.plan.Alignment;
import io.moepress.recipes.plan.AllocationMode;
import io.moepress.recipes.plan.BitChoice;
import io.moepress.recipes.plan.BitGranularity;
import io.moepress.recipes.plan.CountOptions;
import io.moepress.recipes.plan.ExpertId;
import io.moepress.recipes.plan.GroupMode;
import io.moepress.recipes.plan.KeepCount;
import io.moepress.recipes.plan.KeepCounts;
import io.moepress.recipes.plan.KeepRatio;
import io.moepress.recipes.plan.LinearScope;
import io.moepress.recipes.plan.MergeOptions;
import io.moepress.recipes.plan.MergeRouter;
import io.moepress.recipes.plan.PredictionMode;
import io.moepress.recipes.plan.Protection;
import io.moepress.recipes.plan.QuantizeOptions;
import io.moepress.recipes.plan.QuantizedStorage;
import io.moepress.recipes.plan.RouterMode;
import io.moepress.recipes.plan.RouterOptions;
import io.moepress.recipes.plan.Snap;
import io.moepress.recipes.plan.SparsityOptions;
import io.moepress.recipes.plan.StarvedMode;
import io.moepress.recipes.plan.TopKRule;
import io.moepress.recipes.plan.ZeroPattern;
import io.moepress.recipes.target.Target;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RecipeReaderTest {
  /// Every key that a recipe can have.
  static final String COMPLETE =
      """
      model: testdata/models/tiny-qwen3moe
      output: out/tiny-qwen3moe-math-half
      architecture: mine.json
      target: vllm
      seed: 7
      max-shard-size: 512MiB
      calibration:
        data:
          - {file: data/math.calibration.jsonl, samples: 25, name: arithmetic}
          - data/code.calibration.jsonl
        max-tokens: 256
        order: shuffled
        reservoir-tokens: 1024
      steps:
        - prune: {method: easy-ep, keep: 50%, protect: {super-experts: false, experts: ["3:17", 4:2]}, router: mask, top-k: 2, groups: none, multi-token-prediction: prune, allocation: global, snap: 8, uniformise: false}
        - prune:
            method: random
            experts: 16
        - merge: {method: gather, experts: 8, protect: {super-experts: false, experts: ["0:1"]}, align: weights, router: mean, top-k: fit, groups: none, multi-token-prediction: prune, allocation: global, snap: 4, uniformise: false}
        - sparsify: {method: idle, sparsity: 40%, scope: all-linear, sequential: false, starved: magnitude, gate-power: 2}
        - sparsify: {method: idle, pattern: 2:4}
        - quantize: {method: idle-codes, scheme: W4A16, group-size: 32, symmetric: true, others: {scheme: W8A16, group-size: channel, symmetric: true}, storage: decoded}
        - quantize: {method: idle-codes, allocate: idle-bits, bits: 2.5, widths: [2, 4], granularity: layer, symmetric: false}
        - quantize: {method: idle-codes, allocate: idle-bits, fit: 24GiB}
      evaluate:
        data: [data/math.evaluation.jsonl, {file: data/code.evaluation.jsonl, samples: 60}]
        max-tokens: 128
        baselines: [random]
        gates: {perplexity-ratio: 1.25, kl-divergence: 0.5, top1-agreement: 0.6, accuracy-drop: 0.02}
      """;

  /// The other way to say how many texts are taken.
  static final String WEIGHTED =
      COMPLETE
          .replace("math.calibration.jsonl, samples: 25", "math.calibration.jsonl, weight: 3")
          .replace("  max-tokens: 256", "  samples: 256\n  max-tokens: 256");

  static final String MINIMAL =
      """
      model: in
      output: out
      steps:
        - prune: {method: easy-ep, keep: 0.5}
      """;

  @Test
  void aCompleteRecipeReads() {
    Recipe recipe = read(COMPLETE);

    assertThat(recipe.model()).isEqualTo(Path.of("testdata/models/tiny-qwen3moe"));
    assertThat(recipe.output()).isEqualTo(Path.of("out/tiny-qwen3moe-math-half"));
    assertThat(recipe.architecture()).contains(Path.of("mine.json"));
    assertThat(recipe.target()).isEqualTo(Target.VLLM);
    assertThat(recipe.seed()).isEqualTo(7);
    assertThat(recipe.maxShardSize()).isEqualTo(new ByteSize(512L << 20));
    assertThat(recipe.calibration())
        .contains(
            new CalibrationSpec(
                List.of(
                    source("data/math.calibration.jsonl", OptionalInt.of(25), "arithmetic"),
                    source("data/code.calibration.jsonl", OptionalInt.empty(), "code")),
                OptionalInt.empty(),
                256,
                CalibrationSpec.Order.SHUFFLED,
                1024));
    assertThat(recipe.steps())
        .containsExactly(
            new PruneStep(
                new SampleMethods.Plain("easy-ep"),
                new KeepRatio(new BigDecimal("0.5")),
                new Protection(false, List.of(new ExpertId(3, 17), new ExpertId(4, 2))),
                new RouterOptions(
                    RouterMode.MASK, new TopKRule.Lower(2), GroupMode.NONE, PredictionMode.PRUNE),
                new CountOptions(
                    Optional.of(AllocationMode.GLOBAL), new Snap.MultipleOf(8), false)),
            new PruneStep(
                new SampleMethods.Random(7),
                new KeepCount(16),
                Protection.DEFAULT,
                RouterMode.SLICE),
            new MergeStep(
                new SampleMethods.Gather(),
                new KeepCount(8),
                new Protection(false, List.of(new ExpertId(0, 1))),
                new MergeOptions(Alignment.WEIGHTS, MergeRouter.MEAN),
                new RouterOptions(
                    RouterMode.SLICE, TopKRule.FIT, GroupMode.NONE, PredictionMode.PRUNE),
                new CountOptions(
                    Optional.of(AllocationMode.GLOBAL), new Snap.MultipleOf(4), false)),
            new SparsifyStep(
                new SampleMethods.IdleSparsity(),
                ZeroPattern.parse("40%"),
                new SparsityOptions(LinearScope.ALL_LINEAR, false, StarvedMode.MAGNITUDE, 2)),
            new SparsifyStep(
                new SampleMethods.IdleSparsity(),
                ZeroPattern.parse("2:4"),
                SparsityOptions.DEFAULT),
            new QuantizeStep(
                new SampleMethods.IdleCodes(),
                new QuantizeOptions(
                    new IntegerScheme(4, true, 32),
                    Optional.empty(),
                    Optional.of(new IntegerScheme(8, true, IntegerScheme.CHANNEL)),
                    Optional.of(QuantizedStorage.DECODED))),
            new QuantizeStep(
                new SampleMethods.IdleCodes(),
                new QuantizeOptions(
                    new IntegerScheme(4, false, 128),
                    Optional.of(
                        new BitChoice(
                            new SampleMethods.IdleBits(),
                            OptionalDouble.of(2.5),
                            OptionalLong.empty(),
                            List.of(2, 4),
                            Optional.of(BitGranularity.LAYER))),
                    Optional.empty(),
                    Optional.empty())),
            new QuantizeStep(
                new SampleMethods.IdleCodes(),
                new QuantizeOptions(
                    new IntegerScheme(3, true, 128),
                    Optional.of(
                        new BitChoice(
                            new SampleMethods.IdleBits(),
                            OptionalDouble.empty(),
                            OptionalLong.of(24L << 30),
                            List.of(1, 3),
                            Optional.empty())),
                    Optional.empty(),
                    Optional.empty())));
    assertThat(recipe.evaluation())
        .contains(
            new EvaluationSpec(
                List.of(
                    source("data/math.evaluation.jsonl", OptionalInt.empty(), "math"),
                    source("data/code.evaluation.jsonl", OptionalInt.of(60), "code")),
                128,
                List.of(new SampleMethods.Random(7)),
                new Gates(
                    List.of(),
                    OptionalDouble.of(1.25),
                    OptionalDouble.of(0.5),
                    OptionalDouble.of(0.6),
                    OptionalDouble.of(0.02))));
  }

  @Test
  void aListGivesEachLayerItsOwnNumber() {
    PruneStep step =
        (PruneStep) read(MINIMAL.replace("keep: 0.5", "experts: [20, 12, 16]")).steps().getFirst();

    assertThat(step.budget()).isEqualTo(new KeepCounts(List.of(20, 12, 16)));
    assertThat(step.counts()).isEqualTo(CountOptions.DEFAULT);
    assertThat(step.allocation()).isEqualTo(AllocationMode.UNIFORM);
  }

  @Test
  void numbersCanBeRoundedToWhatTheTargetLikes() {
    PruneStep step =
        (PruneStep)
            read(MINIMAL.replace("keep: 0.5", "keep: 0.5, snap: target")).steps().getFirst();

    assertThat(step.counts().snap()).isEqualTo(new Snap.OfTarget());
  }

  @Test
  void aMixIsSharedByWeight() {
    CalibrationSpec calibration = read(WEIGHTED).calibration().orElseThrow();

    assertThat(calibration.samples()).hasValue(256);
    assertThat(calibration.data().getFirst().weight()).hasValue(3);
    assertThat(calibration.counts()).containsExactly(OptionalInt.of(192), OptionalInt.of(64));
  }

  private static DataSource source(String file, OptionalInt samples, String name) {
    return new DataSource(Path.of(file), samples, name);
  }

  @Test
  void theExampleOfTheDesignReads() {
    Recipe recipe =
        read(
            """
            model: models/tiny-qwen3moe           # a local directory
            output: out/tiny-qwen3moe-math-half
            target: transformers
            seed: 42
            calibration:
              data:
                - {file: data/math.calibration.jsonl, samples: 25}
              max-tokens: 512
            steps:
              - prune: {method: easy-ep, keep: 50%}
            evaluate:
              data: [data/math.evaluation.jsonl]
              gates: {perplexity-ratio: 1.25}      # exit code 3 when missed
            """);
    assertThat(recipe.calibration().orElseThrow().data())
        .containsExactly(source("data/math.calibration.jsonl", OptionalInt.of(25), "math"));
    assertThat(recipe.evaluation().orElseThrow().gates().perplexityRatio()).hasValue(1.25);
    assertThat(recipe.evaluation().orElseThrow().gates().klDivergence()).isEmpty();
  }

  @Test
  void whatARecipeLeavesOutHasADefault() {
    Recipe recipe = read(MINIMAL);
    assertThat(recipe.target()).isEqualTo(Target.TRANSFORMERS);
    assertThat(recipe.seed()).isEqualTo(42);
    assertThat(recipe.maxShardSize().bytes()).isEqualTo(5_000_000_000L);
    assertThat(recipe.calibration()).isEmpty();
    assertThat(recipe.evaluation()).isEmpty();
    assertThat(recipe.steps())
        .containsExactly(
            new PruneStep(
                new SampleMethods.Plain("easy-ep"),
                new KeepRatio(new BigDecimal("0.5")),
                Protection.DEFAULT,
                RouterMode.SLICE));
  }

  @Test
  void sectionsHaveDefaultsToo() {
    Recipe recipe = read(MINIMAL + "calibration: {data: [a.txt]}\nevaluate: {data: [b.txt]}\n");
    CalibrationSpec calibration = recipe.calibration().orElseThrow();
    assertThat(calibration.maxTokens()).isEqualTo(512);
    assertThat(calibration.order()).isEqualTo(CalibrationSpec.Order.FILE);
    EvaluationSpec evaluation = recipe.evaluation().orElseThrow();
    assertThat(evaluation.maxTokens()).isEqualTo(512);
    assertThat(evaluation.baselines()).isEmpty();
    assertThat(evaluation.gates()).isEqualTo(Gates.NONE);
  }

  @Test
  void aMethodTakesItsOptionsFromTheStep() {
    Recipe recipe = read(MINIMAL.replace("easy-ep", "random, seed: 5"));
    assertThat(recipe.steps())
        .extracting(step -> ((PruneStep) step).method())
        .containsExactly(new SampleMethods.Random(5));
  }

  @Test
  void aRecipeKnowsWhereItWasReadAndItsDigest(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("recipe.yaml");
    Files.writeString(file, MINIMAL);
    Recipe recipe = RecipeReader.read(file, new SampleMethods());
    assertThat(recipe.file()).isEqualTo(file);
    assertThat(recipe.sha256())
        .isEqualTo("c0512d3947b384b7ba9d1e15b86cfe25ab3fc2512cb79a39833fb03664ed21f8");
  }

  @Test
  void aFileThatIsNotThereIsRefused(@TempDir Path directory) {
    Path file = directory.resolve("recipe.yaml");
    assertThatExceptionOfType(RecipeException.class)
        .isThrownBy(() -> RecipeReader.read(file, new SampleMethods()))
        .withMessage(file + ": no such file (expected a recipe)");
  }

  @Test
  void aDirectoryIsRefused(@TempDir Path directory) {
    assertThatExceptionOfType(RecipeException.class)
        .isThrownBy(() -> RecipeReader.read(directory, new SampleMethods()))
        .withMessage(directory + ": a directory (expected a recipe file)");
  }

  @Test
  void aHugeFileIsNotReadToItsEnd(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("recipe.yaml");
    Files.write(file, new byte[(1 << 20) + 1]);
    assertThatExceptionOfType(RecipeException.class)
        .isThrownBy(() -> RecipeReader.read(file, new SampleMethods()))
        .withMessage(file + ": more than 1 MiB (expected a recipe). Is it the right file?");
  }

  private static Recipe read(String yaml) {
    return RecipeReader.read(
        Path.of("recipe.yaml"), yaml.getBytes(StandardCharsets.UTF_8), new SampleMethods());
  }
}
