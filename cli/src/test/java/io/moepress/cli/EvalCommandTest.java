package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.moepress.formats.json.Json;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// The JSON of `eval` is an interface: programs read it.
class EvalCommandTest {
  private static final double FOUR_DIGITS = 5e-5;

  @Test
  void printsOneStableObject() {
    Cli eval =
        Cli.run(
            "eval",
            TestData.path("models/tiny-mixtral"),
            "--data",
            TestData.path("texts/math.evaluation.jsonl"),
            "--data",
            TestData.path("texts/math.choices.jsonl"),
            "--samples",
            5,
            "--json");

    assertThat(eval.exitCode()).as(eval.err()).isZero();
    assertThat(eval.json().propertyNames()).containsExactly("corpora", "choices");
    assertThat(eval.json().get("corpora").get(0).propertyNames())
        .containsExactly("file", "sequences", "tokens", "nll", "perplexity");
    assertThat(eval.json().get("choices").get(0).propertyNames())
        .containsExactly("file", "items", "correct", "accuracy", "accuracyNormalized");
  }

  @Test
  void theModelMayStandBehindTheData() {
    Cli eval =
        Cli.run(
            "eval",
            "--data",
            TestData.path("texts/math.evaluation.jsonl"),
            TestData.path("models/tiny-mixtral"),
            "--samples",
            1,
            "--json",
            "-q");

    assertThat(eval.exitCode()).as(eval.err()).isZero();
    assertThat(eval.json().get("corpora")).hasSize(1);
  }

  @Test
  void reproducesThePublishedPerplexity() throws IOException {
    JsonNode golden =
        Json.object(TestData.path("golden/models/tiny-mixtral.json")).get("perplexity").get("math");

    Cli eval =
        Cli.run(
            "eval",
            TestData.path("models/tiny-mixtral"),
            "--data",
            TestData.path("texts/math.evaluation.jsonl"),
            "--json");

    JsonNode score = eval.json().get("corpora").get(0);
    double expected = golden.get("perplexity").asDouble();
    assertThat(score.get("tokens").asLong()).isEqualTo(golden.get("tokens").asLong());
    assertThat(score.get("perplexity").asDouble())
        .isCloseTo(expected, within(FOUR_DIGITS * expected));
  }

  @Test
  void aModelIsItsOwnPerfectReference() {
    Cli eval =
        Cli.run(
            "eval",
            TestData.path("models/tiny-mixtral"),
            "--reference",
            TestData.path("models/tiny-mixtral"),
            "--data",
            TestData.path("texts/math.evaluation.jsonl"),
            "--samples",
            2,
            "--json",
            "-q");

    JsonNode comparison = eval.json().get("comparison");
    assertThat(comparison.get("klDivergence").asDouble()).isCloseTo(0, within(1e-9));
    assertThat(comparison.get("top1Agreement").asDouble()).isEqualTo(1);
    assertThat(eval.err()).isEmpty();
  }

  /// What is evaluated of a GGUF file are its weights, decoded.
  @Test
  void aGgufFileIsComparedWithWhatItWasMadeOf(@TempDir Path folder) {
    Path model = TestData.path("models/tiny-mixtral");
    Path data = TestData.path("texts/math.evaluation.jsonl");
    Path exact = folder.resolve("exact.gguf");
    Path coarse = folder.resolve("coarse.gguf");
    assertThat(Cli.run("convert", model, "-o", exact, "--to", "F32", "-q").exitCode()).isZero();
    assertThat(Cli.run("convert", model, "-o", coarse, "--to", "Q4_0", "-q").exitCode()).isZero();

    assertThat(divergence(exact, model, data)).isZero();
    assertThat(divergence(coarse, model, data)).isBetween(1e-4, 0.1);
    Cli.assertUsage(
        "exact.gguf: a GGUF file (expected --reference with the checkpoint that it was made of)",
        "eval",
        exact,
        "--data",
        data);
  }

  private static double divergence(Path file, Path model, Path data) {
    Cli eval =
        Cli.run("eval", file, "--reference", model, "--data", data, "--samples", 2, "--json");
    assertThat(eval.exitCode()).as(eval.err()).isZero();
    return eval.json().get("comparison").get("klDivergence").asDouble();
  }
}
