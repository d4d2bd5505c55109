package io.moepress.testdata;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TestDataTest {

  @Test
  void findsAFolderFromInsideAModule() {
    assertThat(TestData.path("models/tiny-mixtral")).isDirectory();
  }

  @Test
  void namesTheFileThatIsNotThere() {
    assertThatIllegalStateException()
        .isThrownBy(() -> TestData.path("models/huge"))
        .withMessageContaining("huge");
  }

  @ParameterizedTest
  @ValueSource(strings = {"tiny-qwen3moe", "tiny-mixtral", "tiny-deepseekv3"})
  void modelFoldersHoldOnlyTheCheckpoint(String model) throws IOException {
    try (Stream<Path> files = Files.list(TestData.path("models/" + model))) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .containsExactlyInAnyOrder(
              "chat_template.jinja",
              "config.json",
              "generation_config.json",
              "model.safetensors",
              "tokenizer.json",
              "tokenizer_config.json");
    }
    assertThat(TestData.path("golden/models/" + model + ".json")).isNotEmptyFile();
  }
}
