package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.json.Json;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `inspect --draft-architecture` on a checkpoint of a family nobody knows.
class DraftTest {
  private static final Path MODEL = TestData.path("golden/arch/mixtral");

  @TempDir private Path folder = Path.of("");

  @BeforeEach
  void unknownFamily() throws IOException {
    Files.copy(MODEL.resolve("model.safetensors"), folder.resolve("model.safetensors"));
    Files.writeString(
        folder.resolve("config.json"),
        Files.readString(MODEL.resolve("config.json")).replace("\"mixtral\"", "\"banana\""));
  }

  @Test
  void theErrorNamesFileAndCommand() {
    Cli inspect = Cli.run("inspect", folder);

    assertThat(inspect.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(inspect.err())
        .contains("write banana.json and give it with --architecture")
        .contains("moepress inspect MODEL --draft-architecture -o banana.json");
  }

  @Test
  void theDraftIsTheResultAndTheQuestionsStandBesideIt() {
    Cli draft = Cli.run("inspect", folder, "--draft-architecture");

    assertThat(draft.exitCode()).as(draft.err()).isZero();
    assertThat(draft.json().at("/modelTypes/0").asString()).isEqualTo("banana");
    assertThat(draft.json().at("/tensors/router/name").asString())
        .isEqualTo("model.layers.{layer}.block_sparse_moe.gate.weight");
    assertThat(draft.err()).contains("undecided: attention.rotary: half or pairs");
  }

  @Test
  void theDraftCanBeAFile() throws IOException {
    Path file = folder.resolve("banana.json");

    Cli draft = Cli.run("inspect", folder, "--draft-architecture", "-o", file, "--json", "-q");

    assertThat(draft.exitCode()).as(draft.err()).isZero();
    assertThat(draft.json().get("draft")).isEqualTo(Json.object(file));
    assertThat(draft.json().get("undecided")).isNotEmpty();
  }

  /// A draft with its questions answered makes the checkpoint known to every command.
  @Test
  void anAnsweredDraftIsAnArchitecture() throws IOException {
    Path file = answered();

    for (Cli known :
        List.of(
            Cli.run("inspect", folder, "--architecture", file),
            Cli.run("verify", folder, "--architecture", file))) {
      assertThat(known.exitCode()).as(known.err()).isZero();
    }
  }

  /// The written checkpoint has the same model_type, and the recipe says what that means.
  @Test
  void aRecipeNamesItsArchitecture() throws IOException {
    Path recipe = folder.resolve("recipe.yaml");
    Files.writeString(
        recipe,
        "model: "
            + folder
            + "\noutput: "
            + folder.resolve("out")
            + "\narchitecture: "
            + answered()
            + "\nsteps:\n  - prune: {method: random, keep: 50%, protect: {super-experts: false}}\n");

    Cli run = Cli.run("run", recipe, "-q");

    assertThat(run.exitCode()).as(run.err()).isZero();
    assertThat(Json.object(folder.resolve("out/config.json")).get("num_local_experts").asInt())
        .isEqualTo(3);
  }

  @Test
  void anUnansweredDraftIsRefused() {
    Path file = folder.resolve("banana.json");
    Cli.run("inspect", folder, "--draft-architecture", "-o", file);

    Cli inspect = Cli.run("inspect", folder, "--architecture", file);

    assertThat(inspect.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(inspect.err()).contains(file + ": ").contains("\"?\"");
  }

  @Test
  void anArchitectureOfOtherModelsIsRefused() throws IOException {
    Path file = answered();
    Files.writeString(file, Files.readString(file).replace("banana", "apple"));

    assertThat(Cli.run("inspect", folder, "--architecture", file).err())
        .contains(file + ": modelTypes [apple] (expected banana, the model_type in config.json)");
    assertThat(Cli.run("inspect", folder, "--architecture", folder.resolve("none.json")).err())
        .contains("none.json: no such file (expected an architecture)");
  }

  private Path answered() throws IOException {
    Path file = Files.createTempDirectory(folder, "answer").resolve("banana.json");
    Cli.run("inspect", folder, "--draft-architecture", "-o", file);
    String text =
        Files.readString(file)
            .replace("\"rotary\": \"?\"", "\"rotary\": \"half\"")
            .replace("\"score\": \"?\"", "\"score\": \"softmax\"")
            .replace("\"renormalise\": \"?\"", "\"renormalise\": \"true\"");
    return Files.writeString(file, text);
  }

  @Test
  void withoutADraftThereIsNothingToWrite() {
    Cli inspect = Cli.run("inspect", MODEL, "-o", folder.resolve("x.json"));

    assertThat(inspect.exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(inspect.err()).contains("-o: only for --draft-architecture");
  }
}
