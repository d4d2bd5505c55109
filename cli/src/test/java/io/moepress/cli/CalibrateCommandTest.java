package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class CalibrateCommandTest {
  private static final Path MODEL = TestData.path("models/tiny-qwen3moe");

  @TempDir private Path folder = Path.of("");

  /// One token reaches as many experts of each layer as it is routed to, and no more.
  @Test
  void saysWhichPartOfTheExpertsADomainReaches() throws IOException {
    Path one = write("one.jsonl", "{\"input_ids\": [5]}\n");
    Path many = write("many.txt", "Natalia sold clips to 48 of her friends in April. ".repeat(40));

    Cli run =
        Cli.run(
            "calibrate", MODEL, "--data", one, "--data", many, "-o", folder.resolve("e"), "--json");

    assertThat(run.exitCode()).as(run.err()).isZero();
    JsonNode usage = run.json().get("usage");
    JsonNode inspection = Cli.run("inspect", MODEL, "--json").json();
    long layers = inspection.get("moeLayers").asLong();
    assertThat(usage.get(0).get("domain").asString()).isEqualTo("one");
    assertThat(usage.get(0).get("used").asLong())
        .isEqualTo(layers * inspection.get("topK").asLong());
    assertThat(usage.get(1).get("experts").asLong())
        .isEqualTo(layers * inspection.get("experts").asLong());
    assertThat(usage.get(1).get("used").asLong())
        .isBetween(usage.get(0).get("used").asLong() + 1, usage.get(1).get("experts").asLong());
  }

  @Test
  void theTextShowsTheSame() throws IOException {
    Path one = write("one.jsonl", "{\"input_ids\": [5]}\n");

    Cli run = Cli.run("calibrate", MODEL, "--data", one, "-o", folder.resolve("e"), "-q");

    assertThat(run.out())
        .containsPattern("domain +texts +tokens +experts used\none +1 +1 +\\d+\\.\\d %");
  }

  /// A conversation is measured as the checkpoint's own template writes it.
  @Test
  void conversationsAreRendered() throws IOException {
    Path chat =
        write(
            "chat.jsonl", "{\"messages\": [{\"role\": \"user\", \"content\": \"one and one\"}]}\n");

    Cli run = Cli.run("calibrate", MODEL, "--data", chat, "-o", folder.resolve("e"), "--json");

    assertThat(run.exitCode()).as(run.err()).isZero();
    assertThat(run.json().get("tokens").asLong()).isGreaterThan(4);
  }

  private Path write(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text);
  }
}
