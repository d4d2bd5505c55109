package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.json.Json;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// The main job from end to end on a trained model.
class RunCommandTest {
  private static final Path MODEL = TestData.path("models/tiny-mixtral");

  @TempDir private Path folder = Path.of("");

  @Test
  void keepsTheExpertsThatTheReferenceKeeps() throws IOException {
    Path recipe = recipe("math", "easy-ep", "50%", "protect: {super-experts: false}", "");

    Cli run = Cli.run("run", recipe, "--json", "-q");

    assertThat(run.exitCode()).as(run.err()).isZero();
    JsonNode plan = Json.object(folder.resolve("math.work/plan.json"));
    JsonNode golden =
        Json.object(TestData.path("golden/models/tiny-mixtral.methods.json")).get("layers");
    for (JsonNode step : plan.get("steps")) {
      JsonNode expected = golden.get(step.get("layer").asString());
      assertThat(step.get("kept")).isEqualTo(expected.get("easy_ep_keep_half"));
      for (int expert = 0; expert < 8; expert++) {
        double score = expected.get("easy_ep").get(expert).asDouble();
        assertThat(step.get("scores").get(expert).asDouble())
            .as("layer %s, expert %d", step.get("layer"), expert)
            .isCloseTo(score, within(1e-4 * score));
      }
    }
  }

  @Test
  void writesTheSameBytesWhateverTheNumberOfThreads() throws IOException {
    Cli.run("run", recipe("one", "easy-ep", "50%", "", ""), "-q", "-j", 1);
    Cli.run("run", recipe("five", "easy-ep", "50%", "", ""), "-q", "-j", 5);

    for (String file : List.of("model.safetensors", "config.json", "moepress.json")) {
      assertThat(folder.resolve("five").resolve(file))
          .hasSameBinaryContentAs(folder.resolve("one").resolve(file));
    }
    assertThat(folder.resolve("five.work/plan.json"))
        .hasSameBinaryContentAs(folder.resolve("one.work/plan.json"));
    assertThat(folder.resolve("five.work/evidence/evidence.safetensors"))
        .hasSameBinaryContentAs(folder.resolve("one.work/evidence/evidence.safetensors"));
  }

  @Test
  void keepingEverythingReproducesEveryTensor() throws IOException {
    Cli run = Cli.run("run", recipe("same", "frequency", "100%", "", ""), "-q");

    assertThat(run.exitCode()).as(run.err()).isZero();
    try (CheckpointDirectory source = CheckpointDirectory.open(MODEL);
        CheckpointDirectory written = CheckpointDirectory.open(folder.resolve("same"));
        Arena arena = Arena.ofConfined()) {
      assertThat(written.tensors()).isEqualTo(source.tensors());
      for (TensorInfo info : source.tensors().values()) {
        MemorySegment expected = source.read(info.name(), arena).bytes();
        assertThat(written.read(info.name(), arena).bytes().mismatch(expected))
            .as(info.name())
            .isEqualTo(-1);
      }
      assertThat(written.config().text()).isEqualTo(source.config().text());
    }
  }

  @Test
  void reusesEvidenceForAnotherRatioAndMethod() throws IOException {
    Path work = folder.resolve("shared.work");
    Cli first = Cli.run("run", recipe("half", "easy-ep", "50%", "", ""), "-w", work);
    Cli second = Cli.run("run", recipe("most", "reap", "75%", "", ""), "-w", work);

    assertThat(first.err()).contains("calibrating: ");
    assertThat(second.exitCode()).as(second.err()).isZero();
    assertThat(second.err())
        .contains("evidence: reused " + work.resolve("evidence"))
        .doesNotContain("calibrating: ");
  }

  @Test
  void measuresAgainWhenTheTextsChange() throws IOException {
    Path work = folder.resolve("shared.work");
    Cli.run("run", recipe("half", "easy-ep", "50%", "", ""), "-w", work);
    Path other = recipe("other", "easy-ep", "50%", "", "");
    Files.writeString(other, Files.readString(other).replace("samples: 25", "samples: 3"));

    Cli second = Cli.run("run", other, "-w", work);

    assertThat(second.err())
        .contains("is of another checkpoint or other texts: replaced")
        .contains("calibrating: ");
  }

  @Test
  void beatsDrawingLots() throws IOException {
    String evaluation =
        """
        evaluate:
          data: [{file: %s, samples: 20}]
          baselines: [random]
          gates: {perplexity-ratio: 1.25, kl-divergence: 0.2, top1-agreement: 0.7}
        """
            .replace("%s", TestData.path("texts/math.evaluation.jsonl").toString());

    Cli run = Cli.run("run", recipe("math", "easy-ep", "50%", "", evaluation), "--json");

    assertThat(run.exitCode()).as(run.err()).isZero();
    JsonNode result = run.json().get("evaluation");
    double original = perplexity(result.get("before"));
    double pruned = perplexity(result.get("after"));
    double random = perplexity(result.get("baselines").get(0));
    assertThat(pruned).isBetween(original, 1.1 * original);
    assertThat(random).isGreaterThan(pruned);
    assertThat(run.json().get("gates")).hasSize(3);
  }

  @Test
  void aMissedGateIsExitCodeThreeAndKeepsTheResult() throws IOException {
    String evaluation =
        """
        evaluate:
          data: [{file: %s, samples: 3, name: math}]
          gates: {data: [math], perplexity-ratio: 1.0001}
        """
            .replace("%s", TestData.path("texts/math.evaluation.jsonl").toString());

    Cli run = Cli.run("run", recipe("quarter", "random", "25%", "", evaluation));

    assertThat(run.exitCode()).isEqualTo(ExitCode.GATE_MISSED);
    assertThat(run.out()).contains("perplexity-ratio = ").contains("limit 1.0001: missed");
    assertThat(folder.resolve("quarter/model.safetensors")).exists();
    assertThat(Json.object(folder.resolve("quarter.work/result.json")).get("passed").asBoolean())
        .isFalse();
  }

  @Test
  void aDryRunWritesThePlanAndNoWeights() throws IOException {
    Cli run = Cli.run("run", recipe("dry", "easy-ep", "50%", "", ""), "--dry-run");

    assertThat(run.exitCode()).isZero();
    assertThat(run.out()).contains("4 of 8: 0-1 4 7");
    assertThat(folder.resolve("dry.work/plan.json")).exists();
    assertThat(folder.resolve("dry")).doesNotExist();
  }

  @Test
  void planApplyAndVerifyDoTheSameStepByStep() throws IOException {
    Path recipe = recipe("math", "easy-ep", "50%", "", "");
    Cli.run("run", recipe, "-q");
    Path plan = folder.resolve("plan.json");
    Path applied = folder.resolve("applied");

    assertThat(Cli.run("plan", recipe, "-o", plan, "-q").exitCode()).isZero();
    assertThat(Cli.run("apply", MODEL, plan, "-o", applied, "-q").exitCode()).isZero();
    Cli verified = Cli.run("verify", applied, "--target", "vllm", "--json", "-q");

    assertThat(verified.exitCode()).as(verified.out()).isZero();
    assertThat(verified.json().get("passed").asBoolean()).isTrue();
    assertThat(applied.resolve("model.safetensors"))
        .hasSameBinaryContentAs(folder.resolve("math/model.safetensors"));
  }

  @Test
  void verifyFindsAFlippedBit() throws IOException {
    Cli.run("run", recipe("math", "easy-ep", "50%", "", ""), "-q");
    Path weights = folder.resolve("math/model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    bytes[bytes.length - 1] ^= 1;
    Files.write(weights, bytes);

    Cli verified = Cli.run("verify", folder.resolve("math"));

    assertThat(verified.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(verified.out()).contains("FAILED  tensor digests");
  }

  @Test
  void leavesNothingButTheOutputAndTheWorkDirectory() throws IOException {
    Cli.run("run", recipe("math", "easy-ep", "50%", "", ""), "-q");

    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .containsExactlyInAnyOrder("math", "math.work", "math.yaml");
    }
  }

  @Test
  void memoryIsPredictedAndReported() throws IOException {
    Path recipe = recipe("half", "easy-ep", "50%", "", "");

    assertThat(Cli.run("plan", recipe).err())
        .containsPattern("the run: memory at most [0-9.]+ [MG]iB \\(allowed [0-9.]+ [MG]iB\\)");
    assertThat(Cli.run("run", recipe).err())
        .containsPattern("memory: .*predicted at most [0-9.]+ [MG]iB, allowed [0-9.]+ [MG]iB");
  }

  @Test
  void tooLittleMemoryIsRefusedBeforeAnythingIsMeasured() throws IOException {
    Cli run = Cli.run("run", recipe("half", "easy-ep", "50%", "", ""), "--max-memory", "64MiB");

    assertThat(run.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(run.err())
        .contains("--max-memory 64.0 MiB: a forward pass needs at least")
        .doesNotContain("calibrating");
  }

  private static double perplexity(JsonNode candidate) {
    return candidate.get("evaluation").get("corpora").get(0).get("perplexity").asDouble();
  }

  private Path recipe(String name, String method, String keep, String more, String evaluation)
      throws IOException {
    String text =
        """
        model: MODEL
        output: OUTPUT
        calibration:
          data: [{file: TEXTS, samples: 25}]
        steps:
          - prune: {method: METHOD, keep: KEEP, MORE}
        """
            .replace("MODEL", MODEL.toString())
            .replace("OUTPUT", folder.resolve(name).toString())
            .replace("TEXTS", TestData.path("texts/math.calibration.jsonl").toString())
            .replace("METHOD", method)
            .replace("KEEP", keep)
            .replace(", MORE", more.isEmpty() ? "" : ", " + more);
    return Files.writeString(folder.resolve(name + ".yaml"), text + evaluation);
  }
}
