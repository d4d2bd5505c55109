package io.moepress.cli;

import java.util.Map;

/// What the variables of the environment ask for. One that is empty asks for nothing.
///
/// @param variables by their names
record Environment(Map<String, String> variables) {
  Environment {
    variables = Map.copyOf(variables);
  }

  /// Whether progress is drawn as bars: on a terminal, unless `NO_COLOR` asks for plain text (as
  /// no-color.org has it) or this is a job of CI, whose log would keep every state of a bar.
  boolean hasBars(boolean onTerminal) {
    return onTerminal && value("NO_COLOR").isEmpty() && !isJob();
  }

  /// Some say `CI=false` where there is no job.
  private boolean isJob() {
    return !value("CI").isEmpty() && !value("CI").equalsIgnoreCase("false");
  }

  private String value(String name) {
    return variables.getOrDefault(name, "");
  }
}
