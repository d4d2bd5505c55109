package io.moepress.calibrate.chat;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.filter.Filter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A filter that is a method of [PythonMethods] by another name.
///
/// @param name behind the `|`
/// @param method what it calls
record MethodFilter(String name, String method) implements Filter {

  /// All of them.
  static List<MethodFilter> all() {
    List<MethodFilter> filters = new ArrayList<>();
    for (String name : List.of("capitalize", "items", "lower", "replace", "title", "upper")) {
      filters.add(new MethodFilter(name, name));
    }
    filters.add(new MethodFilter("trim", "strip"));
    return filters;
  }

  @Override
  public String getName() {
    return name;
  }

  @Override
  public @Nullable Object filter(
      @Nullable Object value,
      JinjavaInterpreter interpreter,
      Object[] arguments,
      Map<String, Object> named) {
    if (!named.isEmpty()) {
      throw new TemplateException("the filter \"" + name + "\" with " + named.keySet());
    }
    return value == null ? "" : PythonMethods.call(value, method, Arrays.asList(arguments));
  }

  @Override
  public @Nullable Object filter(
      @Nullable Object value, JinjavaInterpreter interpreter, String... arguments) {
    return filter(value, interpreter, arguments, Map.of());
  }
}
