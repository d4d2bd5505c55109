package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EnvironmentTest {

  /// A variable that is not set is `-`.
  @ParameterizedTest
  @CsvSource({
    "-,     -,     true",
    "-,     '',    true",
    "-,     false, true",
    "-,     FALSE, true",
    "-,     true,  false",
    "-,     1,     false",
    "-,     no,    false",
    "'',    -,     true",
    "'',    '',    true",
    "'',    false, true",
    "'',    true,  false",
    "1,     -,     false",
    "0,     -,     false",
    "false, -,     false",
    "1,     '',    false",
    "1,     false, false",
    "1,     true,  false",
  })
  void barsAreForTerminalsThatNobodySpokeAgainst(String noColor, String ci, boolean bars) {
    Map<String, String> variables = new HashMap<>(Map.of("NO_COLOR", noColor, "CI", ci));
    variables.values().removeIf("-"::equals);
    Environment environment = new Environment(variables);

    assertThat(environment.hasBars(true)).isEqualTo(bars);
    assertThat(environment.hasBars(false)).isFalse();
  }

  @Test
  void otherVariablesDoNotMatter() {
    assertThat(new Environment(Map.of("TERM", "dumb", "NO_COLOURS", "1")).hasBars(true)).isTrue();
  }
}
