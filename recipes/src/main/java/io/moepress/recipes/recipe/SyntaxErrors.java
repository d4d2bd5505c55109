package io.moepress.recipes.recipe;

import io.moepress.formats.Words;
import java.util.Objects;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;

/// Says in the words of a recipe's author what the YAML parser says in its own.
final class SyntaxErrors {
  private SyntaxErrors() {}

  static RecipeException rephrased(String file, MarkedYamlEngineException error) {
    int line = YamlSource.line(error.getProblemMark().or(error::getContextMark));
    int opened = YamlSource.line(error.getContextMark().or(error::getProblemMark));
    String problem = Objects.requireNonNullElse(error.getProblem(), "broken");
    String context = Objects.requireNonNullElse(error.getContext(), "");
    if (context.endsWith("quoted scalar") && problem.endsWith("end of stream")) {
      return at(
          file, opened, "a quote is opened and never closed. Close it on the same line", error);
    }
    return at(file, line, phrase(problem, context, opened), error);
  }

  private static String phrase(String problem, String context, int opened) {
    if (problem.contains("(TAB)")) {
      return "a tab (expected spaces). Indent with spaces";
    }
    if (problem.startsWith("found character")) {
      return problem.substring(0, problem.indexOf(" that")).replace("found", "a value starts with")
          + " (expected text). Put the value in quotes";
    }
    if (problem.startsWith("mapping values are not allowed")) {
      return "\":\" in the wrong place (expected one \"key: value\" per line)."
          + " Indent keys of one map alike, write a space behind \":\","
          + " and put values that contain \": \" in quotes";
    }
    if (context.contains("flow node") && problem.contains("<stream end>")) {
      return "the file ends inside a list or map (expected \"]\" or \"}\")";
    }
    if (context.contains("flow mapping")) {
      return "the \"{\" of line " + opened + " is not closed (expected \",\" or \"}\")";
    }
    if (context.contains("flow sequence")) {
      return "the \"[\" of line " + opened + " is not closed (expected \",\" or \"]\")";
    }
    if (context.contains("block mapping") || context.contains("block collection")) {
      return "does not fit what begins on line "
          + opened
          + " (expected the same indentation). Align the lines, and put values with special"
          + " characters in quotes";
    }
    return "not YAML: " + Words.shown(problem);
  }

  private static RecipeException at(
      String file, int line, String problem, MarkedYamlEngineException cause) {
    return new Place(file, line, "").error(problem, cause);
  }
}
