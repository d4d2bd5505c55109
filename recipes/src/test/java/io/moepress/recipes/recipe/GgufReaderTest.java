package io.moepress.recipes.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.gguf.GgufType;
import io.moepress.formats.gguf.TypeExceptions.Exemption;
import io.moepress.recipes.target.Target;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Recipes that write a GGUF file.
class GgufReaderTest {
  static final String COMPLETE =
      """
      model: in
      output: out.gguf
      gguf:
        type: Q4_K_M
        pure: true
        tensor-type: ["ffn_down=Q8_0", output=F16]
        imatrix: importance.gguf
        tokenizer-from: original.gguf
      steps:
        - prune: {method: easy-ep, keep: 0.5}
      """;

  private static Recipe read(String text) {
    return RecipeReader.read(
        Path.of("recipe.yaml"), text.getBytes(StandardCharsets.UTF_8), new SampleMethods());
  }

  @Test
  void everyKeyIsRead() {
    Recipe recipe = read(COMPLETE);
    GgufSpec spec = recipe.gguf().orElseThrow();

    assertThat(recipe.target()).isEqualTo(Target.LLAMA_CPP);
    assertThat(spec.type()).contains("Q4_K_M");
    assertThat(spec.pure()).isTrue();
    assertThat(spec.exemptions())
        .extracting(Exemption::type)
        .containsExactly(GgufType.Q8_0, GgufType.F16);
    assertThat(spec.importance()).contains(Path.of("importance.gguf"));
    assertThat(spec.tokenizer()).contains(Path.of("original.gguf"));
    assertThat(spec.fit()).isEmpty();
  }

  @Test
  void theEndingOfTheNameDecides() {
    String plain = "model: in\noutput: %s\nsteps: [prune: {method: easy-ep, keep: 0.5}]\n";

    assertThat(read(plain.replace("%s", "out.gguf")).gguf()).contains(GgufSpec.PLAIN);
    assertThat(read(plain.replace("%s", "out")).gguf()).isEmpty();
    assertThat(read(plain.replace("%s", "out")).target()).isEqualTo(Target.TRANSFORMERS);
  }

  @Test
  void aSizeMayStandForTheType() {
    String text = COMPLETE.replace("type: Q4_K_M\n  pure: true", "fit: 24GiB\n  by: error");

    assertThat(read(text).gguf().orElseThrow().fit())
        .isEqualTo(Optional.of(new ByteSize(24L << 30)));
    assertThat(read(text).gguf().orElseThrow().by()).isEqualTo(FitBy.ERROR);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "type: Q4_K_M | type: Q4_K_X | 3: gguf: unknown type \"Q4_K_X\" (expected one of: F32,",
        "type: Q4_K_M | fit: 1GiB | 3: gguf: fit: chooses the mix itself (expected neither type nor pure",
        "imatrix: importance | imatix: importance | 7: unknown key \"imatix\" in \"gguf\"; known:",
        "pure: true | by: error | 3: gguf: by: error within which size (expected fit beside it",
        "output=F16 | F16 | 6: gguf.tensor-type[1]: F16: no pattern (expected PATTERN=TYPE",
        "output: out.gguf | output: out | 3: gguf: beside output out (expected a name that ends in .gguf)",
        "model: in | target: vllm | vllm does not load GGUF files (expected llama.cpp)",
        "model: in | max-shard-size: 5GB | max-shard-size: a GGUF file is one file",
      })
  void whatCannotBeIsRefused(String good, String bad, String problem) {
    String text = COMPLETE.replace(good, good.equals("model: in") ? good + "\n" + bad : bad);

    assertThat(text).isNotEqualTo(COMPLETE);
    assertThatExceptionOfType(RecipeException.class)
        .isThrownBy(() -> read(text))
        .withMessageContaining(problem);
  }
}
