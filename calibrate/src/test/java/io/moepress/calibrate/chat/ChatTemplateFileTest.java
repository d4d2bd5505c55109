package io.moepress.calibrate.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChatTemplateFileTest {
  @TempDir Path checkpoint;

  @Test
  void theFileOfItsOwnComesFirst() throws IOException {
    write("chat_template.jinja", "own");
    write("tokenizer_config.json", "{\"chat_template\": \"config\"}");

    assertThat(rendered()).isEqualTo("own");
  }

  @Test
  void theConfigurationHoldsATemplate() throws IOException {
    write("tokenizer_config.json", "{\"chat_template\": \"config\"}");

    assertThat(rendered()).isEqualTo("config");
  }

  @Test
  void ofSeveralTemplatesTheDefaultIsTaken() throws IOException {
    write(
        "tokenizer_config.json",
        "{\"chat_template\": [{\"name\": \"tool_use\", \"template\": \"tools\"}, {\"name\":"
            + " \"default\", \"template\": \"talk\"}]}");

    assertThat(rendered()).isEqualTo("talk");
  }

  @Test
  void withoutADefaultThereIsNone() throws IOException {
    write(
        "tokenizer_config.json",
        "{\"chat_template\": [{\"name\": \"tool_use\", \"template\": \"tools\"}]}");

    assertRefused("chat_template: no template named default, only [tool_use]");
  }

  @Test
  void withoutATemplateTheWayOutIsTexts() throws IOException {
    write("tokenizer_config.json", "{\"chat_template\": null}");

    assertRefused("no chat template to make a text of messages (expected chat_template.jinja, or");
    assertRefused("Give texts instead, as JSON lines {\"text\": ...}.");
  }

  @Test
  void aMistakeNamesItsFile() throws IOException {
    Path file = write("chat_template.jinja", "a\n{% nope %}");

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> ChatTemplateFile.open(checkpoint))
        .withMessage(
            "%s: chat template: line 2: the statement \"nope\" is not supported in chat templates",
            file);
  }

  /// A special token is a text, or an object that says more about it.
  @Test
  void specialTokensAreVariables() throws IOException {
    write("chat_template.jinja", "{{ bos_token }}{{ eos_token }}{{ pad_token }}{{ unk_token }}");
    write(
        "tokenizer_config.json",
        "{\"bos_token\": \"<s>\", \"eos_token\": {\"content\": \"</s>\", \"special\": true},"
            + " \"pad_token\": null}");
    write("special_tokens_map.json", "{\"bos_token\": \"old\", \"unk_token\": \"?\"}");

    assertThat(rendered()).isEqualTo("<s></s>?");
  }

  private String rendered() throws IOException {
    return ChatTemplateFile.open(checkpoint)
        .render(List.of(Map.of("role", "user", "content", "a")));
  }

  private void assertRefused(String message) {
    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> ChatTemplateFile.open(checkpoint))
        .withMessageContaining(message);
  }

  private Path write(String name, String text) throws IOException {
    return Files.writeString(checkpoint.resolve(name), text);
  }
}
