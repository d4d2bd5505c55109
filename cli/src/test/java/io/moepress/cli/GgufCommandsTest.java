package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.gguf.GgufFile;
import io.moepress.formats.gguf.GgufType;
import io.moepress.formats.tensor.Numbers;
import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.node.ObjectNode;

/// `convert`, `inspect` and `verify` with GGUF files.
class GgufCommandsTest {
  @TempDir private Path folder = Path.of("");

  @ParameterizedTest
  @CsvSource({
    "tiny-mixtral, llama, 8",
    "tiny-qwen3moe, qwen3moe, 32",
    "tiny-deepseekv3, deepseek2, 16"
  })
  void trainedModelsBecomeOneFile(String name, String architecture, long experts)
      throws IOException {
    Path source = TestData.path("models/" + name);
    Path output = folder.resolve("out.gguf");

    Cli convert = Cli.run("convert", source, "-o", output, "--to", "F32", "--json", "-q");

    assertThat(convert.exitCode()).as(convert.err()).isZero();
    assertThat(convert.json().get("bytes").asLong()).isEqualTo(Files.size(output));
    assertThat(convert.json().get("bitsPerWeight").asDouble()).isEqualTo(32);
    assertThat(convert.json().get("digest").asString()).startsWith("sha256:");
    try (GgufFile file = GgufFile.open(output);
        CheckpointDirectory checkpoint = CheckpointDirectory.open(source);
        Arena arena = Arena.ofConfined()) {
      assertThat(file.text("general.architecture")).contains(architecture);
      assertThat(file.whole(architecture + ".expert_count")).contains(experts);
      assertThat(floats(file.read("token_embd.weight", arena)))
          .isEqualTo(Numbers.floats(checkpoint.read("model.embed_tokens.weight", arena)));
    }
    Cli verify = Cli.run("verify", output, "--target", "llama.cpp");
    assertThat(verify.exitCode()).as(verify.out()).isZero();
    assertThat(verify.out()).contains("ok  structure", "ok  tokenizer");
  }

  private static float[] floats(MemorySegment bytes) {
    return bytes.toArray(ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN));
  }

  @Test
  void withoutATypeTheSourcesOwnIsKept() throws IOException {
    Path output = folder.resolve("out.gguf");

    Cli convert = Cli.run("convert", TestData.path("models/tiny-mixtral"), "-o", output);

    assertThat(convert.exitCode()).as(convert.err()).isZero();
    assertThat(convert.out()).contains("layout", "gguf BF16", "F32 (", "BF16 (");
    try (GgufFile file = GgufFile.open(output)) {
      assertThat(file.tensor("output.weight").orElseThrow().type()).isEqualTo(GgufType.BF16);
      assertThat(file.tensor("output_norm.weight").orElseThrow().type()).isEqualTo(GgufType.F32);
    }
  }

  /// Rows of the tiny model are not whole blocks of 256.
  @Test
  void aMixOfTypes() throws IOException {
    Path output = folder.resolve("out.gguf");

    Cli convert =
        Cli.run(
            "convert",
            TestData.path("models/tiny-mixtral"),
            "-o",
            output,
            "--to",
            "q4_k_m",
            "--json");

    assertThat(convert.exitCode()).as(convert.err()).isZero();
    assertThat(convert.json().get("layout").asString()).isEqualTo("gguf Q4_K_M");
    assertThat(convert.json().get("bitsPerWeight").asDouble()).isBetween(4.5, 7.0);
    assertThat(convert.json().get("notes").toString()).contains("Q5_0 instead of Q4_K");
    try (GgufFile file = GgufFile.open(output)) {
      assertThat(file.tensor("blk.2.ffn_gate_exps.weight").orElseThrow().type())
          .isEqualTo(GgufType.Q5_0);
      assertThat(file.tensor("blk.2.ffn_down_exps.weight").orElseThrow().type())
          .isEqualTo(GgufType.Q6_K);
    }
    assertThat(Cli.run("verify", output).exitCode()).isZero();
  }

  /// Width 128: values of one type, and all others of another.
  @Test
  void exceptionsAndOneTypeForAll() throws IOException {
    Path output = folder.resolve("out.gguf");

    Cli convert =
        Cli.run(
            "convert",
            TestData.path("models/tiny-mixtral"),
            "-o",
            output,
            "--to",
            "Q4_0",
            "--pure",
            "--tensor-type",
            "blk\\.[01]\\.attn_v=Q8_0",
            "--tensor-type",
            "attn_v=Q5_1");

    assertThat(convert.exitCode()).as(convert.err()).isZero();
    assertThat(convert.out()).contains("gguf Q4_0 and others");
    try (GgufFile file = GgufFile.open(output)) {
      assertThat(file.tensor("blk.1.attn_v.weight").orElseThrow().type()).isEqualTo(GgufType.Q8_0);
      assertThat(file.tensor("blk.2.attn_v.weight").orElseThrow().type()).isEqualTo(GgufType.Q5_1);
      assertThat(file.tensor("output.weight").orElseThrow().type()).isEqualTo(GgufType.Q4_0);
    }
  }

  @Test
  void aDryRunWritesNothing() {
    Cli convert =
        Cli.run(
            "convert",
            TestData.path("models/tiny-deepseekv3"),
            "-o",
            folder.resolve("out.gguf"),
            "--dry-run");

    assertThat(convert.exitCode()).as(convert.err()).isZero();
    assertThat(convert.out()).contains("would be written", "gguf BF16");
    assertThat(folder.resolve("out.gguf")).doesNotExist();
  }

  @Test
  void theTokenizerOfAnotherFileIsTaken() throws IOException {
    Path first = folder.resolve("first.gguf");
    assertThat(
            Cli.run("convert", TestData.path("models/tiny-mixtral"), "-o", first, "-q").exitCode())
        .isZero();
    Path source = TinyMoe.qwen3().vocabulary(4096).write(folder.resolve("source"));
    Path second = folder.resolve("second.gguf");

    Cli without = Cli.run("convert", source, "-o", second);
    Cli with = Cli.run("convert", source, "-o", second, "--tokenizer-from", first);

    assertThat(without.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(without.err()).contains("no tokenizer.json", "--tokenizer-from FILE.gguf");
    assertThat(with.exitCode()).as(with.err()).isZero();
    try (GgufFile one = GgufFile.open(first);
        GgufFile other = GgufFile.open(second)) {
      assertThat(other.header().metadata().get("tokenizer.ggml.tokens"))
          .isEqualTo(one.header().metadata().get("tokenizer.ggml.tokens"));
    }
  }

  @Test
  void inspectShowsKeysAndTypes() {
    Path output = folder.resolve("out.gguf");
    assertThat(
            Cli.run(
                    "convert",
                    TestData.path("models/tiny-mixtral"),
                    "-o",
                    output,
                    "--to",
                    "F16",
                    "-q")
                .exitCode())
        .isZero();

    Cli inspect = Cli.run("inspect", output);
    ObjectNode json = Cli.run("inspect", output, "--json").json();

    assertThat(inspect.exitCode()).as(inspect.err()).isZero();
    assertThat(inspect.out())
        .contains("llama.expert_count", "general.architecture", "4096 x STRING", "F16 (");
    assertThat(json.get("metadata").get("llama.expert_count").asString()).isEqualTo("8");
    assertThat(json.get("types").get("F16").get("tensors").asInt()).isPositive();
    assertThat(json.get("tensors").get(0).get("name").asString()).isEqualTo("token_embd.weight");
  }

  @Test
  void optionsThatDoNotFitTogether() throws IOException {
    Path source = TinyMoe.qwen3().write(folder.resolve("source"));

    Cli.assertUsage("ends in .gguf", "convert", source, "-o", folder.resolve("out"), "--to", "F16");
    Cli.assertUsage(
        "expected a directory",
        "convert",
        source,
        "-o",
        folder.resolve("o.gguf"),
        "--to",
        "safetensors");
    Cli.assertUsage(
        "--max-shard-size: a GGUF file is one file",
        "convert",
        source,
        "-o",
        folder.resolve("o.gguf"),
        "--max-shard-size",
        "1GB");
    Cli.assertUsage(
        "--tokenizer-from: only for a GGUF file",
        "convert",
        source,
        "-o",
        folder.resolve("out"),
        "--tokenizer-from",
        folder.resolve("x.gguf"));
    Cli.assertUsage(
        "--fit: only for a GGUF file",
        "convert",
        source,
        "-o",
        folder.resolve("o"),
        "--fit",
        "1GB");
    Cli.assertUsage(
        "expected --to beside it", "convert", source, "-o", folder.resolve("o.gguf"), "--pure");
    Cli.assertUsage(
        "--fit: chooses the mix itself",
        "convert",
        source,
        "-o",
        folder.resolve("o.gguf"),
        "--to",
        "Q4_0",
        "--fit",
        "1GB");
    Cli.assertUsage(
        "no pattern (expected PATTERN=TYPE",
        "convert",
        source,
        "-o",
        folder.resolve("o.gguf"),
        "--tensor-type",
        "Q4_0");
  }

  @Test
  void anotherRuntimeDoesNotLoadIt() throws IOException {
    Path file = Files.write(folder.resolve("x.gguf"), new byte[] {1, 2, 3});

    Cli.assertUsage("vllm does not load GGUF files", "verify", file, "--target", "vllm");
    Cli verify = Cli.run("verify", file);
    assertThat(verify.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(verify.out()).contains("FAILED  structure  x.gguf: magic:");
  }

  @Test
  void anExistingFileIsKept() throws IOException {
    Path output = Files.writeString(folder.resolve("out.gguf"), "mine");

    Cli convert = Cli.run("convert", TestData.path("models/tiny-mixtral"), "-o", output);

    assertThat(convert.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(convert.err()).contains("the output exists", "--overwrite");
    assertThat(output).hasContent("mine");
  }
}
