package io.moepress.formats.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SideFilesTest {
  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "LICENSE",
        "README.md",
        "USE_POLICY.md",
        "added_tokens.json",
        "additional_chat_templates/tool_use.jinja",
        "chat_template.jinja",
        "chat_template.json",
        "configuration_deepseek.py",
        "generation_config.json",
        "merges.txt",
        "modeling_deepseek.py",
        "preprocessor_config.json",
        "quantize_config.json",
        "special_tokens_map.json",
        "tiktoken.model",
        "tokenizer.json",
        "tokenizer.model",
        "tokenizer_config.json",
        "vocab.json",
      })
  void sideFileIsCarriedAlong(String file) throws IOException {
    write(file);
    assertThat(SideFiles.list(folder)).containsExactly(Path.of(file));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "config.json",
        "model.safetensors",
        "model-00001-of-00002.safetensors",
        "consolidated.SAFETENSORS",
        "model.safetensors.index.json",
        "pytorch_model.bin",
        "pytorch_model.bin.index.json",
        "consolidated.00.pth",
        "model.pt",
        "last.ckpt",
        "model.gguf",
        "tf_model.h5",
        "flax_model.msgpack",
        "model.onnx",
        "model.npz",
        ".gitattributes",
        ".cache/huggingface/x.json",
        "original/params.json",
        "metal/model.bin",
        "additional_chat_templates/.hidden",
        "additional_chat_templates/nested/x.jinja",
      })
  void weightsIndexesAndCachesStayBehind(String file) throws IOException {
    write(file);
    assertThat(SideFiles.list(folder)).isEmpty();
  }

  @Test
  void listIsSorted() throws IOException {
    for (String file : new String[] {"b", "additional_chat_templates/x", "c", "a", "B"}) {
      write(file);
    }
    assertThat(SideFiles.list(folder).stream().map(Path::toString))
        .containsExactly("B", "a", "additional_chat_templates/x", "b", "c");
  }

  private void write(String file) throws IOException {
    Path path = folder.resolve(file);
    Files.createDirectories(path.resolveSibling("."));
    Files.writeString(path, "");
  }
}
