package io.moepress.formats.gguf;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.Refusal;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufTokenizerTest {
  private static final ModelConfig NOTHING = ModelConfig.parse("{}");

  /// Tokens 0 to 5; splits text in a way of its own.
  private static final String BYTES =
      """
      {"added_tokens": [
         {"id": 0, "content": "<s>", "special": true},
         {"id": 4, "content": "<|tool|>", "special": false},
         {"id": 5, "content": "word", "special": false}],
       "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
         {"type": "Split", "pattern": {"Regex": "x"}}, {"type": "ByteLevel", "use_regex": false}]},
       "post_processor": {"type": "TemplateProcessing", "single": [
         {"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]},
       "model": {"type": "BPE", "vocab": {"a": 1, "b": 2, "ab": 3, "<s>": 0}, "merges": ["a b"]}}
      """;

  private static final String SENTENCE_PIECE =
      """
      {"added_tokens": [
         {"id": 0, "content": "<unk>", "special": true}, {"id": 1, "content": "<s>", "special": true}],
       "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "x"}]},
       "model": {"type": "BPE", "unk_token": "<unk>", "byte_fallback": true,
         "vocab": {"<unk>": 0, "<s>": 1, "<0x00>": 2, "a": 3, "b": 4, "ab": 5, "aba": 6},
         "merges": [["ab", "a"], ["a", "ba"], ["a", "b"]]}}
      """;

  @TempDir private Path folder;

  private GgufTokenizer.Section read(String tokenizer, String settings, int rows, String family)
      throws IOException {
    Files.writeString(folder.resolve("tokenizer.json"), tokenizer);
    Files.writeString(folder.resolve("tokenizer_config.json"), settings);
    return GgufTokenizer.of(folder, NOTHING, rows, family);
  }

  @Test
  void tokenizerOfTheTrainedModels() throws IOException {
    Path model = TestData.path("models/tiny-mixtral");
    ModelConfig config = ModelConfig.parse(Files.readString(model.resolve("config.json")));

    GgufTokenizer.Section section = GgufTokenizer.of(model, config, 4098, null);

    Map<String, GgufValue> values = section.values();
    assertThat(values)
        .containsEntry("tokenizer.ggml.model", GgufValue.text("gpt2"))
        .containsEntry("tokenizer.ggml.pre", GgufValue.text("gpt-2"))
        .containsEntry("tokenizer.ggml.eos_token_id", GgufValue.count(0))
        .containsEntry("tokenizer.ggml.padding_token_id", GgufValue.count(1))
        .containsEntry("tokenizer.ggml.add_bos_token", GgufValue.flag(false))
        .containsEntry(
            "tokenizer.chat_template",
            GgufValue.text(Files.readString(model.resolve("chat_template.jinja"))))
        .doesNotContainKeys("tokenizer.ggml.bos_token_id", "tokenizer.ggml.scores");
    List<Object> tokens = items(values, "tokens");
    assertThat(tokens).hasSize(4098).startsWith("<|endoftext|>", "<|pad|>", "<|im_start|>");
    assertThat(tokens.subList(4096, 4098)).containsExactly("[PAD4096]", "[PAD4097]");
    assertThat(items(values, "token_type")).startsWith(3L, 3L, 3L, 3L, 1L).endsWith(1L, 5L, 5L);
    assertThat(items(values, "merges")).hasSize(3836).startsWith("Ġ Ġ", "Ġ t", "ĠĠ ĠĠ");
    assertThat(section.notes()).isEmpty();
  }

  @Test
  void splittingOfTheFamilyAndSpecialTokens() throws IOException {
    GgufTokenizer.Section section =
        read(
            BYTES,
            "{\"bos_token\": {\"content\": \"<s>\"}, \"chat_template\": \"{{ x }}\"}",
            6,
            "qwen2");

    assertThat(section.values())
        .containsEntry("tokenizer.ggml.pre", GgufValue.text("qwen2"))
        .containsEntry("tokenizer.ggml.bos_token_id", GgufValue.count(0))
        .containsEntry("tokenizer.ggml.add_bos_token", GgufValue.flag(true))
        .containsEntry("tokenizer.ggml.add_eos_token", GgufValue.flag(false))
        .containsEntry("tokenizer.chat_template", GgufValue.text("{{ x }}"));
    assertThat(items(section.values(), "token_type")).containsExactly(3L, 1L, 1L, 1L, 3L, 4L);
    assertThat(section.notes())
        .singleElement()
        .asString()
        .contains("\"qwen2\"", "--tokenizer-from");
  }

  @Test
  void settingsDecideWhatIsAdded() throws IOException {
    String settings =
        "{\"bos_token\": \"<s>\", \"eos_token\": \"b\", \"add_bos_token\": false, \"add_eos_token\": true,"
            + " \"chat_template\": [{\"name\": \"tool\", \"template\": \"T\"}, {\"name\": \"default\", \"template\": \"D\"}]}";

    assertThat(read(BYTES, settings, 6, "qwen2").values())
        .containsEntry("tokenizer.ggml.add_bos_token", GgufValue.flag(false))
        .containsEntry("tokenizer.ggml.add_eos_token", GgufValue.flag(true))
        .containsEntry("tokenizer.ggml.eos_token_id", GgufValue.count(2))
        .containsEntry("tokenizer.chat_template", GgufValue.text("D"));
  }

  /// Scores have the order of the merges: "aba" is made before "ab", letters come last.
  @Test
  void sentencePieceHasScores() throws IOException {
    GgufTokenizer.Section section = read(SENTENCE_PIECE, "{}", 7, "qwen2");

    assertThat(section.values())
        .containsEntry("tokenizer.ggml.model", GgufValue.text("llama"))
        .containsEntry("tokenizer.ggml.add_space_prefix", GgufValue.flag(true))
        .doesNotContainKeys("tokenizer.ggml.pre", "tokenizer.ggml.merges");
    assertThat(items(section.values(), "token_type")).containsExactly(2L, 3L, 6L, 1L, 1L, 1L, 1L);
    assertThat(items(section.values(), "scores"))
        .containsExactly(0.0, 0.0, 0.0, -5.0, -6.0, -1.0, -0.0);
  }

  @Test
  void tokenizerOfAnotherFileIsCopied() throws IOException {
    byte[] bytes =
        GgufBytes.head(0, 3)
            .string("general.architecture", "llama")
            .string("tokenizer.ggml.model", "gpt2")
            .text("tokenizer.ggml.tokens")
            .u32(9)
            .u32(8)
            .u64(2)
            .text("a")
            .text("b")
            .bytes();
    Path path = Files.write(folder.resolve("other.gguf"), bytes);
    try (GgufFile file = GgufFile.open(path)) {
      assertThat(GgufTokenizer.copy(file, 2).values())
          .containsOnlyKeys("tokenizer.ggml.model", "tokenizer.ggml.tokens");
      assertThat(Refusal.of(() -> GgufTokenizer.copy(file, 3)))
          .isEqualTo(
              path
                  + ": a tokenizer of 2 tokens (expected 3, the rows of the embedding). Take a GGUF"
                  + " of the same base model.");
    }
  }

  @Test
  void whatIsNoTokenizerIsRefusedWithAWayOut() throws IOException {
    assertThat(Refusal.of(() -> GgufTokenizer.of(folder, NOTHING, 6, null)))
        .contains("no tokenizer.json", "--tokenizer-from FILE.gguf");
    assertThat(refusal(BYTES.replace("\"BPE\"", "\"WordPiece\""), 6))
        .contains("a tokenizer of the kind \"WordPiece\"", "--tokenizer-from");
    assertThat(refusal(BYTES, 6)).contains("no known name in llama.cpp", "--tokenizer-from");
    assertThat(refusal(BYTES, 5))
        .isEqualTo(
            "tokenizer.json: token \"word\" has the number 5 (expected 0 to 4, the rows of the"
                + " embedding)");
    assertThat(refusal(BYTES.replace("\"b\": 2", "\"b\": 1"), 6))
        .isEqualTo("tokenizer.json: tokens \"a\" and \"b\" have the same number 1");
    assertThat(refusal(BYTES.replace("\"a b\"", "\"ab\""), 6)).contains("merge \"ab\"");
  }

  private String refusal(String tokenizer, int rows) {
    return Refusal.of(() -> {
      Files.writeString(folder.resolve("tokenizer.json"), tokenizer);
      GgufTokenizer.of(folder, NOTHING, rows, null);
    });
  }

  private static List<Object> items(Map<String, GgufValue> values, String key) {
    return values.get("tokenizer.ggml." + key) instanceof GgufValue.Many many
        ? many.items()
        : List.of();
  }
}
