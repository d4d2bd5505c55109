package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConvertCommandTest {
  @TempDir private Path folder = Path.of("");

  @Test
  void theSameTensorsInFilesOfAnotherSize() throws IOException {
    Path source = TestData.path("models/tiny-mixtral");
    Path output = folder.resolve("out");

    Cli convert = Cli.run("convert", source, "-o", output, "--max-shard-size", "2MB", "-q");

    assertThat(convert.exitCode()).as(convert.err()).isZero();
    assertThat(output.resolve("model.safetensors.index.json")).exists();
    assertSameTensors(source, output);
    try (Stream<Path> files = Files.list(output)) {
      assertThat(files.filter(file -> file.toString().endsWith(".safetensors")))
          .hasSizeGreaterThan(3)
          .allMatch(file -> file.toFile().length() < 2_100_000);
    }
    for (String file : new String[] {"config.json", "tokenizer.json", "chat_template.jinja"}) {
      assertThat(output.resolve(file)).hasSameBinaryContentAs(source.resolve(file));
    }
    assertThat(Cli.run("verify", output, "--target", "vllm", "-q").exitCode()).isZero();
  }

  @Test
  void manyFilesBecomeOne() throws IOException {
    Path source = TinyMoe.qwen3().shards(5).write(folder.resolve("source"));
    Path output = folder.resolve("out");

    assertThat(Cli.run("convert", source, "-o", output, "-q").exitCode()).isZero();

    assertThat(output.resolve("model.safetensors")).exists();
    assertThat(output.resolve("model.safetensors.index.json")).doesNotExist();
    assertSameTensors(source, output);
  }

  @Test
  void aDryRunWritesNothing() throws IOException {
    Path source = TinyMoe.qwen3().write(folder.resolve("source"));

    Cli convert = Cli.run("convert", source, "-o", folder.resolve("out"), "--dry-run", "--json");

    assertThat(convert.exitCode()).isZero();
    assertThat(convert.json().get("written").asBoolean()).isFalse();
    assertThat(convert.json().get("tensors").asInt()).isEqualTo(45);
    assertThat(folder.resolve("out")).doesNotExist();
  }

  @Test
  void aLayoutThatDoesNotExist() throws IOException {
    Path source = TinyMoe.qwen3().write(folder.resolve("source"));

    Cli convert = Cli.run("convert", source, "-o", folder.resolve("out"), "--to", "safetensor");

    assertThat(convert.exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(convert.err())
        .contains(
            "--to: unknown layout \"safetensor\" (expected one of: safetensors, F32, F16, BF16, ",
            "Did you mean \"safetensors\"?");
  }

  @Test
  void anOutputThatExistsIsKept() throws IOException {
    Path source = TinyMoe.qwen3().write(folder.resolve("source"));
    Path output = TinyMoe.mixtral().write(folder.resolve("out"));

    Cli convert = Cli.run("convert", source, "-o", output);

    assertThat(convert.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(convert.err()).contains("the output exists and is not empty");
    assertSameTensors(output, TinyMoe.mixtral().write(folder.resolve("again")));
  }

  private static void assertSameTensors(Path expected, Path actual) throws IOException {
    try (CheckpointDirectory source = CheckpointDirectory.open(expected);
        CheckpointDirectory written = CheckpointDirectory.open(actual);
        Arena arena = Arena.ofConfined()) {
      assertThat(written.tensors()).isEqualTo(source.tensors());
      for (TensorInfo info : source.tensors().values()) {
        assertThat(
                written
                    .read(info.name(), arena)
                    .bytes()
                    .mismatch(source.read(info.name(), arena).bytes()))
            .as(info.name())
            .isEqualTo(-1);
      }
    }
  }
}
