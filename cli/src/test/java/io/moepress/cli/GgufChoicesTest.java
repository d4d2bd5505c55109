package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.gguf.GgufFile;
import io.moepress.formats.gguf.GgufModel;
import io.moepress.formats.gguf.GgufTensor;
import io.moepress.formats.gguf.GgufType;
import io.moepress.formats.gguf.GgufWeights;
import io.moepress.formats.gguf.ImportanceFile;
import io.moepress.formats.tensor.Numbers;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceFile;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// GGUF files whose types are chosen, whose errors are weighed, and of which experts are cut out.
class GgufChoicesTest {
  private static final String STATISTICS =
      "default,input-square-sum,intermediate-square-sum,linear-input-square-sum";

  @TempDir private Path folder = Path.of("");

  @Test
  void aSizeChoosesTheMix() {
    Path source = TestData.path("models/tiny-qwen3moe");
    Path output = folder.resolve("out.gguf");

    Cli fits = Cli.run("convert", source, "-o", output, "--fit", "5500KiB", "--dry-run", "--json");
    Cli tooSmall = Cli.run("convert", source, "-o", output, "--fit", "1MiB", "--dry-run");

    assertThat(fits.exitCode()).as(fits.err()).isZero();
    assertThat(fits.json().get("bytes").asLong()).isBetween(4_000_000L, 5500L * 1024);
    assertThat(fits.json().get("notes").toString()).contains("is the best mix within 5.4 MiB");
    assertThat(tooSmall.exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(tooSmall.err()).contains("--fit: 1.0 MiB (the smallest mix, ");
  }

  /// A type for each matrix, such that no mix of that size is nearer to the model.
  @Test
  void measuredErrorsChooseTypes() throws IOException {
    Path source = TestData.path("models/tiny-qwen3moe");
    Path mix = folder.resolve("mix.gguf");
    Path chosen = folder.resolve("chosen.gguf");
    Cli first = Cli.run("convert", source, "-o", mix, "--fit", "4500KiB", "--json");
    Cli second =
        Cli.run(
            "convert",
            source,
            "-o",
            chosen,
            "--fit",
            first.json().get("bytes").asLong() + "B",
            "--by",
            "error",
            "--tensor-type",
            "blk.1.attn_k.weight=F16",
            "--json");

    assertThat(second.exitCode()).as(second.err()).isZero();
    assertThat(Files.size(chosen)).isBetween(Files.size(mix) * 97 / 100, Files.size(mix));
    assertThat(second.json().get("layout").asString()).startsWith("gguf by error, most Q");
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(source);
        GgufFile file = GgufFile.open(chosen)) {
      MoeModel model = MoeModel.of(checkpoint);
      assertThat(file.tensor("blk.1.attn_k.weight").orElseThrow().type()).isEqualTo(GgufType.F16);
      assertThat(distance(model, chosen)).isLessThan(distance(model, mix));
    }
    assertThat(Cli.run("verify", chosen).exitCode()).isZero();
    Cli small =
        Cli.run("convert", source, "-o", mix, "--fit", "1MiB", "--by", "error", "--dry-run");
    assertThat(small.exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(small.err()).contains("--fit: 1.0 MiB (the smallest file takes ");
    Cli.assertUsage("--by: within which size", "convert", source, "-o", chosen, "--by", "error");
    Cli.assertUsage(
        "\"eror\" (expected one of: mix, error, mc-moe, alphaq). Did you mean \"error\"?",
        "convert",
        source,
        "-o",
        chosen,
        "--by",
        "eror");
  }

  /// The sum of squared differences between a model and a file that was made of it.
  private static double distance(MoeModel model, Path file) throws IOException {
    double sum = 0;
    try (GgufWeights weights = GgufWeights.open(file, model);
        Arena arena = Arena.ofConfined()) {
      for (String name : weights.tensors().keySet()) {
        float[] expected = Numbers.floats(model.checkpoint().read(name, arena));
        float[] found = Numbers.floats(weights.read(name, arena));
        for (int i = 0; i < found.length; i++) {
          sum += (expected[i] - found[i]) * (double) (expected[i] - found[i]);
        }
      }
    }
    return sum;
  }

  /// What calibration measured weighs the errors: a mean over tokens of squared inputs.
  @Test
  void evidenceBecomesAnImportanceMatrix() throws IOException {
    Path model = TestData.path("models/tiny-mixtral");
    Path evidence = folder.resolve("evidence");
    Path imatrix = folder.resolve("imatrix.gguf");
    Path plain = folder.resolve("plain.gguf");
    Path weighed = folder.resolve("weighed.gguf");
    Path texts = TestData.path("texts/math.calibration.jsonl");
    Cli calibrate =
        Cli.run(
            "calibrate",
            model,
            "--data",
            texts,
            "--samples",
            2,
            "--max-tokens",
            64,
            "-o",
            evidence,
            "--statistics",
            STATISTICS);
    assertThat(calibrate.exitCode()).as(calibrate.err()).isZero();

    Cli written = Cli.run("evidence", "imatrix", evidence, model, "-o", imatrix, "--json");
    Cli without = Cli.run("convert", model, "-o", plain, "--to", "Q4_0", "-q");
    Cli with =
        Cli.run("convert", model, "-o", weighed, "--to", "Q4_0", "--imatrix", imatrix, "--json");

    assertThat(written.exitCode()).as(written.err()).isZero();
    assertThat(written.json().get("leftOut").asInt()).isZero();
    assertThat(without.exitCode()).as(without.err()).isZero();
    assertThat(with.exitCode()).as(with.err()).isZero();
    assertThat(with.json().get("notes").toString())
        .contains("2 matrices have no importance", "token_embd.weight", "output.weight");
    Evidence.Layer layer = EvidenceFile.read(evidence).layers().get(1);
    double[] tokens = layer.total(Statistic.ROUTED_TOKENS);
    int expert = 0;
    while (tokens[expert] == 0) {
      expert++;
    }
    double[] sums = layer.matrix(Statistic.INTERMEDIATE_SQUARE_SUM)[expert];
    try (ImportanceFile file = ImportanceFile.open(imatrix);
        CheckpointDirectory checkpoint = CheckpointDirectory.open(model);
        GgufFile one = GgufFile.open(plain);
        GgufFile other = GgufFile.open(weighed);
        Arena arena = Arena.ofConfined()) {
      GgufTensor down = tensor(checkpoint, "blk.1.ffn_down_exps.weight");
      float[] columns = file.columns(down, expert).orElseThrow();
      float mean = (float) (sums[5] / tokens[expert]);
      assertThat(columns[5]).isCloseTo(mean, Percentage.withPercentage(1e-4)); // 3 roundings
      assertThat(file.covers(tensor(checkpoint, "blk.0.attn_output.weight"))).isTrue();
      assertThat(one.read(down.name(), arena).mismatch(other.read(down.name(), arena)))
          .isNotEqualTo(-1);
    }
  }

  private static GgufTensor tensor(CheckpointDirectory checkpoint, String name) {
    return GgufModel.of(MoeModel.of(checkpoint)).tensor(name).orElseThrow();
  }

  @Test
  void anImportanceMatrixOfAnotherCheckpoint() throws IOException {
    Path evidence = folder.resolve("evidence");
    Path model = TinyMoe.qwen3().write(folder.resolve("one"));
    Path other = TinyMoe.qwen3().experts(6).write(folder.resolve("other"));
    Path texts = Files.writeString(folder.resolve("t.jsonl"), "{\"input_ids\": [1, 2, 3, 4]}\n");
    assertThat(Cli.run("calibrate", model, "--data", texts, "-o", evidence).exitCode()).isZero();

    Cli mismatch = Cli.run("evidence", "imatrix", evidence, other, "-o", folder.resolve("i.gguf"));
    Cli missing = Cli.run("evidence", "imatrix", evidence, model, "-o", folder.resolve("i.gguf"));

    assertThat(mismatch.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(mismatch.err()).contains("the evidence was measured on checkpoint");
    assertThat(missing.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(missing.err()).contains("the evidence has no input-square-sum");
    assertThat(folder.resolve("i.gguf")).doesNotExist();
  }

  @Test
  void expertsAreCutOutOfAFile() throws IOException {
    Path whole = folder.resolve("whole.gguf");
    Path half = folder.resolve("half.gguf");
    Path model = TestData.path("models/tiny-mixtral");
    assertThat(Cli.run("convert", model, "-o", whole, "--to", "Q4_0", "-q").exitCode()).isZero();
    StringBuilder report = new StringBuilder("{");
    for (int layer = 0; layer < 4; layer++) {
      report.append(layer == 0 ? "" : ", ").append('"').append(layer).append("\": [1, 2, 5, 7]");
    }
    Path retained = Files.writeString(folder.resolve("report.json"), report + "}");

    Cli slice = Cli.run("slice", whole, "-o", half, "--retained-experts", retained, "--json");

    assertThat(slice.exitCode()).as(slice.err()).isZero();
    assertThat(slice.json().get("experts").asInt()).isEqualTo(4);
    assertThat(slice.json().get("bytes").asLong()).isEqualTo(Files.size(half));
    assertThat(Cli.run("verify", half).exitCode()).isZero();
    Cli.assertUsage("slice: which experts", "slice", whole, "-o", half);
    Cli.assertUsage("slice: which experts", "slice", whole, "-o", half, "--experts", 4);
    Cli.assertUsage(
        "expected another one", "slice", whole, "-o", whole, "--retained-experts", retained);
    Cli there = Cli.run("slice", whole, "-o", half, "--retained-experts", retained);
    assertThat(there.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(there.err()).contains("the output exists");
  }
}
