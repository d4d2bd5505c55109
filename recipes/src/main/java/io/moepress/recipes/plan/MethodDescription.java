package io.moepress.recipes.plan;

import io.moepress.formats.Words;
import java.util.List;

/// What there is to say about a published method, for people: `moepress explain` prints it, and the
/// table of the documentation has to agree with it.
///
/// Formulas stand between backticks. In them `x` runs over the tokens `X_j` routed to expert `j`;
/// `g_j` is the weight its output is really multiplied with; `f_j` is its output before that; `h`
/// is the residual stream in front of the MoE block.
///
/// @param name the name by which a recipe asks for it
/// @param score what it ranks experts by
/// @param advice when to use it, and when not
/// @param source the paper
/// @param reference an implementation by others; empty where there is none
/// @param options the method's own options
/// @param example a step of a recipe, in YAML
public record MethodDescription(
    String name,
    String score,
    String advice,
    String source,
    String reference,
    List<Option> options,
    String example) {

  public MethodDescription {
    options = List.copyOf(options);
  }

  /// An option of a method.
  ///
  /// @param key its key in a step
  /// @param takes what its value may be: `a whole number from 1 on`, or names between backticks
  /// @param meaning what it does
  /// @param defaultValue what holds without it
  public record Option(String key, String takes, String meaning, String defaultValue) {
    /// An option that takes one of some names.
    ///
    /// @param labels all of them
    public static Option choice(
        String key, List<String> labels, String meaning, String defaultValue) {
      String takes = Words.or(labels.stream().map(label -> "`" + label + "`").toList());
      return new Option(key, takes, meaning, defaultValue);
    }

    /// An option that is on or off.
    public static Option flag(String key, String meaning, String defaultValue) {
      return choice(key, List.of("true", "false"), meaning, defaultValue);
    }
  }
}
