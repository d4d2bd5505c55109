package io.moepress.formats.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.Refusal;
import java.util.Map;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ExpressionTest {
  private static final Expression.Scope SCOPE =
      new Expression.Scope() {
        private final Map<String, Double> config = Map.of("a", 7.0, "b_2", 0.5, "zero", 0.0);
        private final Map<String, Double> dimensions =
            Map.of("heads", 8.0, "headDim", 16.0, "a", 3.0);

        @Override
        public OptionalDouble config(String key) {
          return optional(config.get(key));
        }

        @Override
        public OptionalDouble dimension(String name) {
          return optional(dimensions.get(name));
        }

        private static OptionalDouble optional(@Nullable Double value) {
          return value == null ? OptionalDouble.empty() : OptionalDouble.of(value);
        }
      };

  @ParameterizedTest
  @CsvSource({
    "5, 5",
    "1.25, 1.25",
    "1e-06, 1e-6",
    "2.5e3, 2500",
    "true, 1",
    "false, 0",
    "heads, 8",
    "config.a, 7", // not the dimension a
    "a, 3",
    "config.b_2, 0.5",
    "2 + 3 * 4, 14",
    "2 * 3 + 4, 10",
    "(2 + 3) * 4, 20",
    "10 - 4 - 3, 3",
    "16 / 4 / 2, 2",
    "2 - 1 + 5, 6",
    "8 / 2 * 4, 16",
    "heads*headDim, 128",
    "'  heads\t*  ( headDim + 1 )  ', 136",
    "((((7)))), 7",
  })
  void formulaIsCalculatedByTheUsualRules(String formula, double value) {
    assertThat(Expression.parse(formula).evaluate(SCOPE)).hasValue(value);
  }

  @ParameterizedTest
  @CsvSource({
    "config.a ?? 1, 7",
    "config.none ?? 1, 1",
    "config.none ?? none ?? heads, 8",
    "config.zero ?? 1, 0", // zero is there
    "config.none ?? 1 + 2, 3", // binds weakest on the right
    "1 + config.none ?? 2, 2", // and on the left
    "1 + (config.none ?? 2), 3",
    "config.a ?? 1 + 2, 7",
    "(config.none ?? 2) * (config.a ?? 3), 14",
  })
  void alternativeStepsInForWhatIsAbsent(String formula, double value) {
    assertThat(Expression.parse(formula).evaluate(SCOPE)).hasValue(value);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "config.none",
        "none",
        "none + 1",
        "1 * none",
        "config.none ?? none",
        "heads / (none)"
      })
  void formulaWithAnAbsentPartIsAbsent(String formula) {
    assertThat(Expression.parse(formula).evaluate(SCOPE)).isEmpty();
  }

  @Test
  void alternativeIsNotLookedAtInVain() {
    Expression.Scope strict =
        new Expression.Scope() {
          @Override
          public OptionalDouble config(String key) {
            return OptionalDouble.of(1);
          }

          @Override
          public OptionalDouble dimension(String name) {
            throw new AssertionError("asked for " + name);
          }
        };
    assertThat(Expression.parse("config.a ?? heads").evaluate(strict)).hasValue(1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "  ",
        "1 +",
        "+ 1",
        "-1",
        "1 2",
        "heads headDim",
        "2heads",
        "(1",
        "1)",
        "()",
        "1 + (2 * 3",
        "* 2",
        "?? 1",
        "1 ??",
        "1 ? 2",
        "a = 1",
        "a; b",
        "'a'",
        "a $",
        "config.",
        "config. ?? 1",
        "1.",
        ".5",
        "ä",
      })
  void malformedFormulaIsRefused(String formula) {
    assertThat(Refusal.of(() -> Expression.parse(formula)))
        .isEqualTo("architecture file: malformed formula \"" + formula + "\"");
  }

  @Test
  void formulaShowsItsText() {
    assertThat(Expression.parse("heads *  headDim")).hasToString("heads *  headDim");
  }

  /// Deep ones would take the stack.
  @ParameterizedTest
  @ValueSource(strings = {"(", "!", "hidden + ", "hidden ?? "})
  void aLongFormulaIsRefused(String part) {
    assertThat(Refusal.of(() -> Expression.parse(part.repeat(100_000) + "1")))
        .contains("longer than 200 names, numbers and signs");
  }
}
