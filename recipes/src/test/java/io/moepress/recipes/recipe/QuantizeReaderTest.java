package io.moepress.recipes.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.integer.IntegerScheme;
import io.moepress.recipes.plan.QuantizeOptions;
import io.moepress.recipes.plan.QuantizedStorage;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class QuantizeReaderTest {

  @Test
  void groupsOf128AndSymmetryAreTheDefault() {
    assertThat(read("{method: idle-codes, scheme: W4A16}").options())
        .isEqualTo(
            new QuantizeOptions(
                new IntegerScheme(4, true, 128), Optional.empty(), Optional.empty()));
  }

  @Test
  void othersHaveASchemeOfTheirOwn() {
    QuantizeOptions options =
        read("{method: idle-codes, scheme: W2A16, symmetric: false, others: {scheme: W8A16,"
                + " group-size: channel}, storage: decoded}")
            .options();

    assertThat(options.experts()).isEqualTo(new IntegerScheme(2, false, 128));
    assertThat(options.others()).contains(new IntegerScheme(8, false, IntegerScheme.CHANNEL));
    assertThat(options.storage()).contains(QuantizedStorage.DECODED);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{method: idle-codes} | scheme",
        "{method: idle-codes, scheme: W4A8} | \"W4A8\" (expected W1A16 to W8A16",
        "{method: idle-codes, scheme: W9A16} | \"W9A16\" (expected W1A16 to W8A16",
        "{method: idle-codes, scheme: W4A16, group-size: 0} | \"0\" (expected a number of weights",
        "{method: idle-codes, scheme: W4A16, group-size: row} | \"row\" (expected a number",
        "{method: idle-codes, scheme: W4A16, storage: gguf} | \"gguf\"",
        "{method: idle-codes, scheme: W4A16, others: {scheme: W8A16, symmetric: false}} | both symmetric",
        "{method: idle-codes, scheme: W4A16, others: {sceme: W8A16}} | scheme",
        "{method: idle-cods, scheme: W4A16} | Did you mean \"idle-codes\"?",
        "{method: idle-codes, scheme: W4A16, bits: 3} | unknown key \"bits\"",
      })
  void whatCannotBeIsRefusedWithItsLine(String step, String problem) {
    assertThatExceptionOfType(RecipeException.class)
        .isThrownBy(() -> read(step))
        .withMessageStartingWith("recipe.yaml:4: ")
        .withMessageContaining(problem);
  }

  private static QuantizeStep read(String step) {
    String text = "model: in\noutput: out\nsteps:\n  - quantize: " + step + "\n";
    return (QuantizeStep)
        RecipeReader.read(
                Path.of("recipe.yaml"), text.getBytes(StandardCharsets.UTF_8), new SampleMethods())
            .steps()
            .getFirst();
  }
}
