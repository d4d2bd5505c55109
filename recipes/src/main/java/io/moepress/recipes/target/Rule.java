package io.moepress.recipes.target;

import java.util.List;
import java.util.function.Function;

/// One thing a runtime wants of a checkpoint.
///
/// @param id short name, the same in messages and documents
/// @param holds what is so in a checkpoint that keeps the rule
/// @param severity how much it matters when it does not
/// @param otherwise what the runtime does then
/// @param seen in which version of the runtime, or where, that was seen; empty where it follows
///   from the file itself
/// @param check finds what breaks the rule; nothing where too little is known to tell
record Rule(
    String id,
    String holds,
    Severity severity,
    String otherwise,
    String seen,
    Function<Candidate, List<Violation>> check) {

  /// The same rule as one runtime keeps it.
  Rule in(String version, String consequence) {
    return new Rule(id, holds, severity, consequence, version, check);
  }

  /// The same rule, mattering more or less.
  Rule as(Severity other) {
    return new Rule(id, holds, other, otherwise, seen, check);
  }
}
