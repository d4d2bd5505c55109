package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.node.ObjectNode;

/// The commands on checkpoints in low precision.
class LowPrecisionTest {
  @TempDir private Path folder;

  @ParameterizedTest
  @CsvSource({"deepseek_v3_fp8_block16, groups: none, 4", "gpt_oss_mxfp4, top-k: fit, 3"})
  void arePrunedAndStayInIt(String name, String option, int experts) throws IOException {
    Path model = TestData.path("golden/lowprecision/" + name);
    Path output = folder.resolve("out");

    Cli run = Cli.run("run", recipe(model, output, option), "--json");

    assertThat(run.exitCode()).as(run.err()).isEqualTo(ExitCode.DONE);
    Cli verified = Cli.run("verify", output);
    assertThat(verified.out()).contains("tiny forward").doesNotContain("FAILED");
    assertThat(verified.exitCode()).isEqualTo(ExitCode.DONE);
    ObjectNode before = Cli.run("inspect", model, "--json").json();
    ObjectNode after = Cli.run("inspect", output, "--json").json();
    assertThat(after.get("experts").asInt()).isEqualTo(experts);
    assertThat(after.get("expertParameters").asLong())
        .isEqualTo(before.get("expertParameters").asLong() / 2);
    assertThat(types(after)).isEqualTo(types(before));
    assertThat(Files.readString(output.resolve("config.json"))).contains("quantization_config");
  }

  private static List<String> types(ObjectNode inspection) {
    return List.copyOf(inspection.get("bytesByType").propertyNames());
  }

  private Path recipe(Path model, Path output, String option) throws IOException {
    Path texts = folder.resolve("texts.jsonl");
    Files.writeString(texts, "{\"input_ids\": [5, 40, 3, 17, 60, 22, 8, 90, 33, 2, 71, 13]}\n");
    return Files.writeString(
        folder.resolve("recipe.yaml"),
        String.join(
            "\n",
            "model: " + model,
            "output: " + output,
            "calibration: {data: [{file: " + texts + "}]}",
            "steps: [{prune: {method: reap, keep: 50%, " + option + "}}]",
            "evaluate: {data: [" + texts + "]}"));
  }

  @Test
  void aScaleThatIsNoNumberIsFound() throws IOException {
    Path source = TestData.path("golden/lowprecision/gpt_oss_mxfp4");
    Path copy = Files.createDirectory(folder.resolve("sick"));
    try (Stream<Path> files = Files.list(source)) {
      for (Path file : files.toList()) {
        Files.write(copy.resolve(String.valueOf(file.getFileName())), Files.readAllBytes(file));
      }
    }
    plant(copy.resolve("model.safetensors"), "model.layers.1.mlp.experts.down_proj_scales");

    Cli verified = Cli.run("verify", copy);

    assertThat(verified.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(verified.out())
        .contains("not finite in [model.layers.1.mlp.experts.down_proj_scales]");
  }

  /// Makes the first byte of a tensor one that stands for no number.
  private static void plant(Path file, String tensor) throws IOException {
    byte[] wanted;
    try (CheckpointDirectory checkpoint =
            CheckpointDirectory.open(Objects.requireNonNull(file.getParent()));
        Arena arena = Arena.ofConfined()) {
      wanted = checkpoint.read(tensor, arena).bytes().toArray(ValueLayout.JAVA_BYTE);
    }
    byte[] bytes = Files.readAllBytes(file);
    for (int start = 0; start + wanted.length <= bytes.length; start++) {
      if (Arrays.equals(bytes, start, start + wanted.length, wanted, 0, wanted.length)) {
        bytes[start] = (byte) 0xFF;
        Files.write(file, bytes);
        return;
      }
    }
    throw new IllegalStateException("no bytes of " + tensor);
  }
}
