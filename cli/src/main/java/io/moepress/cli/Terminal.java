package io.moepress.cli;

import io.moepress.formats.json.Json;
import java.io.PrintWriter;

/// Where the program speaks: results to standard output, everything else to standard error, so that
/// standard output can always be piped.
///
/// @param out results
/// @param err messages and progress
/// @param quiet whether to say only what was asked for and what went wrong
/// @param json whether results are one JSON document
record Terminal(PrintWriter out, PrintWriter err, boolean quiet, boolean json) {

  /// A message on the way, unless the user wants none.
  void say(String message) {
    if (!quiet) {
      err.println(message);
      err.flush();
    }
  }

  /// A message that nobody may miss.
  void complain(String message) {
    err.println("moepress: " + message);
    err.flush();
  }

  /// The result: as JSON for programs, or as text for people.
  void result(Object value, String text) {
    out.print(json ? Json.pretty(value) : text);
    out.flush();
  }
}
