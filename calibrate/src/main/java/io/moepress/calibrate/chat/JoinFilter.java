package io.moepress.calibrate.chat;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.filter.Filter;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// `join`: the items of a list as one text.
final class JoinFilter implements Filter {
  @Override
  public String getName() {
    return "join";
  }

  @Override
  public Object filter(
      @Nullable Object value, JinjavaInterpreter interpreter, String... arguments) {
    List<?> items = value instanceof List<?> list ? list : List.of(PythonText.of(value));
    return PythonMethods.joined(arguments.length > 0 ? arguments[0] : "", items);
  }
}
