package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceFile;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.testdata.Planted;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;

/// Evidence from the command line: what is gathered, kept, looked at and added up.
class EvidenceCommandTest {
  private static final Path DOCS = Path.of("..", "docs", "evidence.md");

  @TempDir private Path folder = Path.of("");
  private Path model = Path.of("");

  @BeforeEach
  void write() throws IOException {
    model =
        TinyMoe.qwen3()
            .experts(6)
            .plant(Planted.unreachableExperts(1, 2, 5))
            .write(folder.resolve("model"));
    texts("math", 1);
    texts("code", 17);
  }

  /// Three sequences of 20, 7 and 1 token.
  private void texts(String name, int first) throws IOException {
    StringBuilder lines = new StringBuilder();
    for (int length : new int[] {20, 7, 1}) {
      List<Integer> ids = new ArrayList<>();
      for (int i = 0; i < length; i++) {
        ids.add((first + 5 * i + length) % 32);
      }
      lines.append("{\"input_ids\": ").append(ids).append("}\n");
    }
    Files.writeString(folder.resolve(name + ".jsonl"), lines);
  }

  private Cli calibrate(String texts, String output, Object... more) {
    List<Object> args = new ArrayList<>();
    args.addAll(List.of("calibrate", model, "--data", folder.resolve(texts + ".jsonl")));
    args.addAll(List.of("-o", folder.resolve(output)));
    args.addAll(List.of(more));
    return Cli.run(args.toArray());
  }

  private Evidence read(String directory) throws IOException {
    return EvidenceFile.read(folder.resolve(directory));
  }

  // What is gathered.

  @Test
  void theCheapStatisticsAreTheDefault() throws IOException {
    Cli run = calibrate("math", "e");

    assertThat(run.exitCode()).as(run.err()).isZero();
    assertThat(read("e").statistics()).isEqualTo(Statistic.defaults());
    assertThat(read("e").sampling()).isNull();
    assertThat(folder.resolve("e")).isDirectoryNotContaining("glob:**/{matrices,reservoir}");
  }

  @Test
  void aListIsGatheredAndTokensAreCountedBesides() throws IOException {
    Cli run = calibrate("math", "e", "--statistics", "coactivation,output-sum", "--json", "-q");

    assertThat(run.exitCode()).as(run.err()).isZero();
    assertThat(read("e").statistics())
        .containsExactly(Statistic.ROUTED_TOKENS, Statistic.COACTIVATION, Statistic.OUTPUT_SUM);
    assertThat(run.json().get("statistics").toString())
        .isEqualTo("[\"routed-tokens\",\"coactivation\",\"output-sum\"]");
  }

  @Test
  void defaultAndAllAreNamesToo() throws IOException {
    calibrate("math", "some", "--statistics", "default,coactivation");
    calibrate("math", "all", "--statistics", "all");

    assertThat(read("some").statistics()).hasSize(Statistic.defaults().size() + 1);
    assertThat(read("all").statistics()).containsExactly(Statistic.values());
  }

  @Test
  void anUnknownStatisticIsAMistakeOfUsage() {
    Cli run = calibrate("math", "e", "--statistics", "default,coactivaton");

    assertThat(run.exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(run.err())
        .contains("--statistics: unknown name \"coactivaton\" (expected some of default, all, ")
        .contains("Did you mean \"coactivation\"?");
    assertThat(folder.resolve("e")).doesNotExist();
  }

  @Test
  void aReservoirOfLessThanNothingIsAMistakeOfUsage() {
    Cli run = calibrate("math", "e", "--reservoir-tokens", -1);

    assertThat(run.exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(run.err()).contains("--reservoir-tokens must be at least 0: -1");
  }

  @Test
  void theReservoirIsDrawnWithTheSeed() throws IOException {
    calibrate("math", "e", "--reservoir-tokens", 10, "--seed", 7);

    assertThat(read("e").sampling()).isEqualTo(new Evidence.Sampling(10, 7L));
    int[] tokens = read("e").layers().get(0).reservoir().tokens();
    assertThat(read("e").layers().get(1).reservoir().tokens()).containsExactly(tokens);
  }

  // What is kept.

  @Test
  void evidenceThatHoldsMoreIsReused() {
    calibrate("math", "e", "--statistics", "all");

    Cli again = calibrate("math", "e", "--statistics", "gate-sum,coactivation");

    assertThat(again.err()).contains("evidence: reused ").doesNotContain("calibrating: ");
  }

  @Test
  void whatIsMissingIsNamedAndMeasuredWithAllThatWasThere() throws IOException {
    calibrate("math", "e", "--statistics", "gate-sum", "--reservoir-tokens", 10);

    Cli again = calibrate("math", "e", "--statistics", "output-sum,coactivation");

    assertThat(again.exitCode()).as(again.err()).isZero();
    assertThat(again.err())
        .contains("e has no coactivation, output-sum: measured again, with all it has")
        .contains("calibrating: ");
    assertThat(read("e").statistics())
        .containsExactly(
            Statistic.ROUTED_TOKENS,
            Statistic.GATE_SUM,
            Statistic.COACTIVATION,
            Statistic.OUTPUT_SUM);
    assertThat(read("e").sampling()).isEqualTo(new Evidence.Sampling(10, 42L));
  }

  @Test
  void evidenceOfOtherTextsIsReplacedByWhatWasAskedFor() throws IOException {
    calibrate("math", "e", "--statistics", "all");

    Cli again = calibrate("code", "e", "--statistics", "gate-sum");

    assertThat(again.err()).contains("is of another checkpoint or other texts: replaced");
    assertThat(read("e").statistics()).containsExactly(Statistic.ROUTED_TOKENS, Statistic.GATE_SUM);
  }

  @Test
  void damagedEvidenceIsMeasuredAgainAndNotReused() throws IOException {
    calibrate("math", "e", "--statistics", "coactivation");
    Path matrices = folder.resolve("e/matrices/layer-00001.safetensors");
    byte[] sound = Files.readAllBytes(matrices);
    byte[] damaged = sound.clone();
    damaged[damaged.length - 1] ^= 1;
    Files.write(matrices, damaged);

    Cli again = calibrate("math", "e", "--statistics", "coactivation");

    assertThat(again.exitCode()).as(again.err()).isZero();
    assertThat(again.err()).contains("layer-00001.safetensors: digest ", "Measuring again.");
    assertThat(matrices).hasBinaryContent(sound);
  }

  // What is looked at.

  @Test
  void showSaysWhatThereIs() {
    calibrate("math", "e", "--reservoir-tokens", 10);

    Cli shown = Cli.run("evidence", "show", folder.resolve("e"));

    assertThat(shown.exitCode()).as(shown.err()).isZero();
    assertThat(shown.out())
        .contains("checkpoint  sha256:")
        .contains("texts       cut at 512 tokens\n")
        .containsPattern("gate-sum +\\[domains, E\\] +Σ_\\{x ∈ X_j\\} g_j\\(x\\)\n")
        .contains("reservoir   10 tokens of each layer, seed 42")
        .containsPattern("math +3 +28\n")
        .containsPattern("0 +6 +[0-9.]+ % +[0-9.]+ % +[0-9.]+ % +none")
        .containsPattern("1 +6 +0.00 % +[0-9.]+ % +[0-9.]+ % +2: 2 5\n");
  }

  @Test
  void sharesAreOfAllChoicesOfTheLayer() throws IOException {
    calibrate("math", "e");

    JsonNode layer =
        Cli.run("evidence", "show", folder.resolve("e"), "--json").json().get("layers").get(1);

    double[] tokens = read("e").layers().get(1).total(Statistic.ROUTED_TOKENS);
    Arrays.sort(tokens);
    assertThat(layer.get("leastShare").asDouble()).isZero();
    assertThat(layer.get("medianShare").asDouble()).isEqualTo((tokens[2] + tokens[3]) / 2 / 56);
    assertThat(layer.get("mostShare").asDouble()).isEqualTo(tokens[5] / 56);
    assertThat(layer.get("starved").toString()).isEqualTo("[2,5]");
  }

  @Test
  void withoutASubcommandTheUsageIsShown() {
    Cli run = Cli.run("evidence");

    assertThat(run.exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(run.err()).contains("show", "merge");
  }

  // What is added up.

  @Test
  void mergedEvidenceHoldsTheDomainsOfAll() throws IOException {
    calibrate("math", "a", "--statistics", "default,coactivation");
    calibrate("code", "b", "--statistics", "all");

    Cli merged =
        Cli.run(
            "evidence",
            "merge",
            folder.resolve("a"),
            folder.resolve("b"),
            "-o",
            folder.resolve("both"));

    assertThat(merged.exitCode()).as(merged.err()).isZero();
    assertThat(merged.err()).contains("note: not all of them hold router-logit-sum, ", "left out");
    assertThat(merged.out()).containsPattern("math +3 +28\ncode +3 +28\n");
    Evidence.Layer layer = read("both").layers().get(0);
    assertThat(layer.byDomain(Statistic.GATE_SUM))
        .isDeepEqualTo(
            new double[][] {
              read("a").layers().get(0).byDomain(Statistic.GATE_SUM)[0],
              read("b").layers().get(0).byDomain(Statistic.GATE_SUM)[0]
            });
    double[][] together = layer.matrix(Statistic.COACTIVATION);
    assertThat(together[1][1]).isEqualTo(layer.total(Statistic.ROUTED_TOKENS)[1]);
  }

  @Test
  void theSameTextsAreNotMergedTwice() {
    calibrate("math", "a");
    calibrate("math", "b");

    Cli merged = merge("a", "b");

    assertThat(merged.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(merged.err()).contains("both hold domain math with texts sha256:", "count twice");
    assertThat(folder.resolve("both")).doesNotExist();
  }

  @Test
  void evidenceOfTwoCheckpointsIsNotMerged() throws IOException {
    calibrate("math", "a");
    String ours = read("a").checkpoint();
    model = TinyMoe.qwen3().experts(6).seed(2).write(folder.resolve("other"));
    calibrate("code", "b");

    Cli merged = merge("a", "b");

    assertThat(merged.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(merged.err()).contains(ours, read("b").checkpoint(), "one checkpoint");
  }

  @Test
  void aDirectoryThatIsThereIsNotReplaced() {
    calibrate("math", "a");
    calibrate("code", "both");

    assertThat(merge("a", "both").err()).contains("the output exists and is not empty");
    assertThat(merge("a").exitCode()).isEqualTo(ExitCode.USAGE);
  }

  private Cli merge(String... parts) {
    List<Object> args = new ArrayList<>(List.of("evidence", "merge"));
    for (String part : parts) {
      args.add(folder.resolve(part));
    }
    args.addAll(List.of("-o", folder.resolve("both")));
    return Cli.run(args.toArray());
  }

  // What methods find.

  @Test
  void aRecipeFindsMissingStatisticsBeforeItPlans() throws IOException {
    calibrate("math", "e", "--statistics", "gate-sum");
    Path recipe =
        Files.writeString(
            folder.resolve("recipe.yaml"),
            """
            model: MODEL
            output: OUT
            steps:
              - prune: {method: reap, keep: 50%}
            """
                .replace("MODEL", model.toString())
                .replace("OUT", folder.resolve("out").toString()));

    Cli run = Cli.run("plan", recipe, "--evidence", folder.resolve("e"));

    assertThat(run.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(run.err())
        .contains("the evidence has no gated-output-norm-sum, output-maximum (it has: ")
        .contains("with --statistics default,gated-output-norm-sum,output-maximum.");
  }

  @Test
  void aRecipeKeepsTheReservoirItAsksForAndTheCheapStatistics() throws IOException {
    calibrate("math", "run.work/evidence", "--statistics", "coactivation");
    Path recipe =
        Files.writeString(
            folder.resolve("recipe.yaml"),
            """
            model: MODEL
            output: OUT
            seed: 42
            calibration: {data: [TEXTS], reservoir-tokens: 12}
            steps:
              - prune: {method: reap, keep: 50%}
            """
                .replace("MODEL", model.toString())
                .replace("OUT", folder.resolve("run").toString())
                .replace("TEXTS", folder.resolve("math.jsonl").toString()));

    Cli run = Cli.run("plan", recipe);

    assertThat(run.exitCode()).as(run.err()).isZero();
    assertThat(run.err())
        .contains("has no gated-output-norm-sum, output-maximum, reservoir of 12 tokens: measured");
    Evidence evidence = read("run.work/evidence");
    assertThat(evidence.sampling()).isEqualTo(new Evidence.Sampling(12, 42L));
    assertThat(evidence.statistics())
        .contains(Statistic.COACTIVATION)
        .containsAll(Statistic.defaults());
    assertThat(Cli.run("plan", recipe).err()).contains("evidence: reused ");
  }

  @ParameterizedTest
  @EnumSource
  void everyStatisticHasARowInTheDocs(Statistic statistic) throws IOException {
    assertThat(Files.readString(DOCS))
        .contains(
            "| `"
                + statistic.label()
                + "` | `"
                + statistic.formula()
                + "` | "
                + statistic.form().shape()
                + " |");
  }
}
