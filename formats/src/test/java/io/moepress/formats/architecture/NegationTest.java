package io.moepress.formats.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.checkpoint.ModelConfig;
import java.io.IOException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The `!` of formulas.
class NegationTest {

  @ParameterizedTest
  @CsvSource({
    "!config.absent, 1",
    "!config.q_lora_rank, 0",
    "!!config.q_lora_rank, 1",
    "!false, 1",
    "!config.absent ?? 7, 1",
    "2 * !false, 2"
  })
  void isOneWhereItsOperandIsZeroOrAbsent(String formula, double expected) throws IOException {
    ModelConfig config = GoldenCheckpoints.headers("deepseek_v3").config();

    assertThat(ModelLayout.of(config).number(formula)).hasValue(expected);
  }
}
