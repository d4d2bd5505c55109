package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.architecture.ExpertMatrix.Projection;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.gguf.GgufHeader;
import io.moepress.formats.gguf.GgufType;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.gguf.GgufPlan;
import io.moepress.recipes.gguf.GgufPlanner;
import io.moepress.recipes.gguf.GgufPlanner.Fitting;
import io.moepress.recipes.plan.BitAllocation;
import io.moepress.recipes.plan.BitCosts;
import io.moepress.recipes.plan.BitCosts.Item;
import io.moepress.recipes.plan.BitLimits;
import io.moepress.recipes.plan.BitMethod;
import io.moepress.recipes.plan.BitRequest;
import io.moepress.recipes.plan.BitScope;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.recipe.FitBy;
import io.moepress.recipes.recipe.GgufSpec;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Types of stacks of experts, chosen by what a method says that bits cost.
class GgufMethodsTest {
  private static final Path MODEL = TestData.path("models/tiny-qwen3moe");
  private static final long EXPERT_WEIGHTS = 3 * 128 * 128;

  @TempDir private Path folder = Path.of("");

  /// A method that says what a test wants: `value · 4^(−bits)`.
  private record Saying(List<Projection> projections, ToDoubleFunction<Item> value)
      implements BitMethod {
    @Override
    public String name() {
      return "saying";
    }

    @Override
    public Set<Statistic> needs(List<Integer> widths) {
      return Set.of();
    }

    @Override
    public List<Integer> defaultWidths() {
      return List.of(2, 3, 4);
    }

    @Override
    public BitScope defaultScope() {
      return BitScope.MODEL;
    }

    @Override
    public BitCosts costs(BitRequest request) {
      List<Item> items = new ArrayList<>();
      for (int layer = 0; layer < 4; layer++) {
        for (int expert = 0; expert < 32; expert++) {
          for (Projection projection : projections) {
            items.add(item(layer, expert, projection, EXPERT_WEIGHTS / 3, request));
          }
          if (projections.isEmpty()) {
            items.add(item(layer, expert, null, EXPERT_WEIGHTS, request));
          }
        }
      }
      return new BitCosts(request.widths(), items, new TreeSet<>(), List.of("it was said"));
    }

    private Item item(
        int layer, int expert, @Nullable Projection projection, long weights, BitRequest request) {
      Item free = new Item(layer, expert, projection, weights, List.of());
      return new Item(
          layer,
          expert,
          projection,
          weights,
          request.widths().stream()
              .map(bits -> value.applyAsDouble(free) * Math.pow(4, -bits))
              .toList());
    }

    @Override
    public BitAllocation allocate(BitCosts costs, BitLimits limits) {
      throw new IllegalStateException("a file is not asked for an allocation");
    }
  }

  private static GgufPlan plan(String fit, FitBy by, @Nullable BitMethod method)
      throws IOException {
    GgufSpec spec =
        new GgufSpec(
            Optional.empty(),
            false,
            List.of(),
            Optional.empty(),
            Optional.empty(),
            Optional.of(ByteSize.parse(fit)),
            by);
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(MODEL);
        GgufPlanner planner = GgufPlanner.open(spec, checkpoint);
        Workers workers = new Workers(2)) {
      Fitting usual = TypeFitting.of(FitBy.MIX, null, workers, Progress.SILENT);
      return planner.plan(
          MoeModel.of(checkpoint),
          new Fitting(
              usual.chooser(), Optional.ofNullable(method), null, workers, Progress.SILENT));
    }
  }

  private static Map<String, GgufType> types(GgufPlan plan) {
    return plan.header().entries().stream()
        .map(GgufHeader.Entry::info)
        .collect(Collectors.toMap(info -> info.name(), info -> info.type()));
  }

  /// Only one stack matters, so it has the most bits, and all that is no expert is as in the mix.
  @Test
  void bytesGoWhereTheyAreWorthMost() throws IOException {
    Saying method =
        new Saying(
            List.of(Projection.values()),
            item -> item.layer() == 2 && item.projection() == Projection.DOWN ? 1e6 : 1);
    Map<String, GgufType> mix = types(plan("5MiB", FitBy.MIX, null));

    GgufPlan plan = plan("5MiB", FitBy.ALPHAQ, method);

    Map<String, GgufType> types = types(plan);
    assertThat(types).containsEntry("blk.2.ffn_down_exps.weight", GgufType.Q8_0);
    assertThat(types.values()).contains(GgufType.Q4_0);
    assertThat(plan.byteCount()).isBetween((5L << 20) * 97 / 100, 5L << 20);
    types.forEach((name, type) -> {
      if (!name.contains("_exps")) {
        assertThat(type).as(name).isEqualTo(mix.get(name));
      }
    });
    assertThat(plan.notes())
        .contains("it was said")
        .anyMatch(note -> note.startsWith("alphaq: experts have "));
    assertThat(plan.rule().label()).startsWith("by alphaq, others as in Q");
  }

  /// What is known of whole experts counts for their matrices alike; costs of experts add up.
  @Test
  void costsOfWholeExpertsCountForAllTheirMatrices() throws IOException {
    Saying method =
        new Saying(List.of(), item -> item.layer() == 3 ? 100 : item.expert() == 5 ? 110 : 0);

    Map<String, GgufType> types = types(plan("5MiB", FitBy.MC_MOE, method));

    for (int layer = 0; layer < 3; layer++) { // one expert of 110 against 32 of 100
      assertThat(stacks(types, layer)).isLessThan(stacks(types, 3));
    }
  }

  /// Bytes of a block in the stacks of a layer.
  private static long stacks(Map<String, GgufType> types, int layer) {
    return types.entrySet().stream()
        .filter(entry -> entry.getKey().matches("blk\\." + layer + "\\.ffn_.*_exps.*"))
        .mapToLong(entry -> entry.getValue().bytes(32))
        .sum();
  }

  @Test
  void aTypeThatIsGivenIsNotChosen() throws IOException {
    Path output = folder.resolve("out.gguf");

    Cli run =
        Cli.run(
            "convert",
            MODEL,
            "-o",
            output,
            "--fit",
            "5MiB",
            "--by",
            "alphaq",
            "--tensor-type",
            "blk.1.ffn_down_exps=Q8_0",
            "--json");

    assertThat(run.exitCode()).as(run.err()).isZero();
    assertThat(Files.size(output)).isLessThanOrEqualTo(5 << 20);
    assertThat(run.json().get("layout").asString())
        .startsWith("gguf by alphaq, others as in Q")
        .endsWith(" and others");
    assertThat(Cli.run("inspect", output, "--json").out())
        .containsPattern("blk.1.ffn_down_exps.weight[^}]*Q8_0");
    assertThat(Cli.run("verify", output).exitCode()).isZero();
  }

  @Test
  void evidenceThatIsNotThereOrOfNoUse() throws IOException {
    Path out = folder.resolve("out.gguf");
    Path evidence = folder.resolve("evidence");
    Path texts = Files.writeString(folder.resolve("t.jsonl"), "{\"input_ids\": [1, 2, 3, 4]}\n");
    assertThat(Cli.run("calibrate", MODEL, "--data", texts, "-o", evidence).exitCode()).isZero();

    Cli.assertUsage(
        "--by mc-moe: of which evidence (expected --evidence DIR beside it). Measure it with",
        "convert",
        MODEL,
        "-o",
        out,
        "--fit",
        "5MiB",
        "--by",
        "mc-moe");
    Cli.assertUsage(
        "--evidence: what for (expected --fit and --by mc-moe or --by error beside it)",
        "convert",
        MODEL,
        "-o",
        out,
        "--fit",
        "5MiB",
        "--by",
        "alphaq",
        "--evidence",
        evidence);
    Cli poor =
        Cli.run(
            "convert", MODEL, "-o", out, "--fit", "5MiB", "--by", "mc-moe", "--evidence", evidence);
    Cli other =
        Cli.run(
            "convert",
            TestData.path("models/tiny-mixtral"),
            "-o",
            out,
            "--fit",
            "5MiB",
            "--by",
            "error",
            "--evidence",
            evidence);
    Cli counted =
        Cli.run(
            "convert", MODEL, "-o", out, "--fit", "5MiB", "--by", "error", "--evidence", evidence);

    assertThat(poor.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(poor.err()).contains("the evidence has no rounding-error-2");
    assertThat(other.err()).contains("the evidence was measured on checkpoint");
    assertThat(counted.exitCode()).as(counted.err()).isZero();
    assertThat(counted.out())
        .contains("experts count by how often they were used in 12 of 12 stacks");
  }

  private Path recipe(String calibration, String gguf) throws IOException {
    return Files.writeString(
        folder.resolve("r.yaml"),
        String.join(
            "\n",
            "model: " + MODEL,
            "output: " + folder.resolve("out.gguf"),
            calibration,
            "steps: [prune: {method: random, keep: 50%}]",
            "gguf: " + gguf));
  }

  /// What is measured is the pruned model, and measured once.
  @Test
  void aRecipeMeasuresWhatItNeeds() throws IOException {
    Path texts = TestData.path("texts/math.calibration.jsonl");
    String calibration = "calibration: {data: [{file: " + texts + ", samples: 2}], max-tokens: 64}";
    String gguf = "{fit: 3500KiB, by: mc-moe}";

    Cli check = Cli.run("recipe", "check", recipe("", gguf));
    Cli refused = Cli.run("run", recipe("", gguf));
    Cli run = Cli.run("run", recipe(calibration, gguf));
    Cli again = Cli.run("run", recipe(calibration, gguf));

    assertThat(check.out()).contains("r.yaml:5: gguf: by: mc-moe is measured on the result");
    assertThat(refused.err()).contains("gguf: by: mc-moe is measured on the result");
    assertThat(run.exitCode()).as(run.err()).isZero();
    assertThat(run.err()).contains("note: mc-moe: experts have ");
    assertThat(Files.size(folder.resolve("out.gguf"))).isLessThanOrEqualTo(3500 << 10);
    assertThat(folder.resolve("out.gguf.work/evidence-result")).isDirectory();
    assertThat(again.err()).contains("is there already, by the same plan: kept");
  }
}
