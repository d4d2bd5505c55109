package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.json.Json;
import io.moepress.testdata.SafetensorsBytes;
import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.node.ObjectNode;

class InspectCommandTest {
  @TempDir private Path folder = Path.of("");

  @Test
  void groupsSharedExpertsAndWhatMayStay() {
    Cli inspect = Cli.run("inspect", TestData.path("models/tiny-deepseekv3"));

    assertThat(inspect.exitCode()).as(inspect.err()).isZero();
    assertThat(inspect.out())
        .contains("groups                  4 of 4 experts, 2 open to a token\n")
        .contains("in shared experts       147,456 (")
        .contains("may keep, transformers  8, 12, 16\n")
        .contains("may keep, sglang        8, 12, 16; best 8, 16\n");
  }

  @Test
  void aTokenUsesTopKExpertsAndEverythingElse() throws IOException {
    Path model = TinyMoe.qwen3().write(folder.resolve("model"));

    ObjectNode inspection = Cli.run("inspect", model, "--json").json();

    long expert = 3 * 8 * 16;
    long experts = 2 * 4 * expert;
    assertThat(inspection.get("expertParameters").asLong()).isEqualTo(experts);
    assertThat(inspection.get("activeParameters").asLong())
        .isEqualTo(inspection.get("parameters").asLong() - experts / 2);
    assertThat(inspection.get("predictionParameters").asLong()).isZero();
    assertThat(inspection.get("sharedParameters").asLong()).isZero();
    assertThat(inspection.get("groups").asInt()).isEqualTo(1);
    assertThat(inspection.get("keep").get("vllm").get("loads")).hasSize(3);
  }

  @Test
  void layersForPredictionAreNotUsedByAToken() throws IOException {
    Path plain = TestData.path("models/tiny-deepseekv3");
    ObjectNode before = Cli.run("inspect", plain, "--json").json();
    Path model = withPredictionLayer(plain);

    ObjectNode after = Cli.run("inspect", model, "--json").json();

    assertThat(after.get("predictionParameters").asLong()).isEqualTo(128 * 256);
    assertThat(after.get("parameters").asLong())
        .isEqualTo(before.get("parameters").asLong() + 128 * 256);
    assertThat(after.get("activeParameters")).isEqualTo(before.get("activeParameters"));
    assertThat(after.get("bytesByType").get("F32").asLong())
        .isEqualTo(before.get("bytesByType").path("F32").asLong(0) + 4 * 128 * 256);
    assertThat(Cli.run("inspect", model).out()).contains("in prediction layers    32,768 (");
  }

  /// The model with one tensor of a layer behind its last, in a file of its own.
  private Path withPredictionLayer(Path plain) throws IOException {
    String extra = "model.layers.4.eh_proj.weight";
    ObjectNode index = Json.object("{\"weight_map\": {}}", "index");
    ObjectNode map = (ObjectNode) index.get("weight_map");
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(plain)) {
      checkpoint.tensors().keySet().forEach(name -> map.put(name, "model.safetensors"));
    }
    map.put(extra, "prediction.safetensors");
    for (String file : List.of("config.json", "model.safetensors")) {
      Files.copy(plain.resolve(file), folder.resolve(file));
    }
    new SafetensorsBytes()
        .tensor(extra, "F32", new long[] {128, 256}, SafetensorsBytes.f32(new float[128 * 256]))
        .write(folder.resolve("prediction.safetensors"));
    Files.writeString(folder.resolve("model.safetensors.index.json"), Json.pretty(index));
    return folder;
  }

  @Test
  void numbersAreSaidShortly() {
    assertThat(Counts.text(List.of())).isEqualTo("none");
    assertThat(Counts.text(List.of(2, 4, 8, 16))).isEqualTo("2, 4, 8, 16");
    assertThat(Counts.text(List.of(4, 8, 12))).isEqualTo("4, 8, 12");
    assertThat(Counts.text(List.of(4, 8, 12, 16))).isEqualTo("4 to 16 by 4");
    assertThat(Counts.text(IntStream.rangeClosed(2, 128).boxed().toList())).isEqualTo("2 to 128");
    assertThat(Counts.text(IntStream.range(1, 30).map(i -> i * i).boxed().toList()))
        .isEqualTo("1, 4, 9, 16, 25, 36, 49, 64, 81, 100, 121, ... 841");
  }
}
