package io.moepress.calibrate.chat;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.exptest.ExpTest;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// A test, `value is NAME`, that Jinja takes otherwise than Jinjava.
///
/// @param name behind `is`
/// @param holds the test
record ValueTest(String name, Predicate<@Nullable Object> holds) implements ExpTest {

  /// All of them: texts and maps can be looped over and have a length; None is no missing value.
  static List<ValueTest> all() {
    return List.of(
        new ValueTest("none", value -> value == PythonNone.NONE),
        new ValueTest("iterable", ValueTest::hasLength),
        new ValueTest("sequence", ValueTest::hasLength));
  }

  private static boolean hasLength(@Nullable Object value) {
    return value instanceof CharSequence || value instanceof List<?> || value instanceof Map<?, ?>;
  }

  @Override
  public String getName() {
    return name;
  }

  @Override
  public boolean evaluate(
      @Nullable Object value, JinjavaInterpreter interpreter, Object... arguments) {
    return holds.test(value);
  }
}
