package io.moepress.cli;

import io.moepress.formats.architecture.ArchitectureDraft;
import io.moepress.formats.json.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/// A draft as it is shown: the file, and beside it what a person has to decide.
final class DraftText {
  private DraftText() {}

  /// The draft as one JSON document.
  ///
  /// @param file where it was written; null: nowhere
  record Result(@Nullable String file, ObjectNode draft, List<String> undecided) {}

  /// Writes the draft and says what is undecided.
  ///
  /// @param file where to write it; null: standard output
  static void say(ArchitectureDraft draft, @Nullable Path file, Terminal terminal)
      throws IOException {
    if (file != null) {
      Json.write(file, draft.architecture());
      terminal.say("draft: " + file);
    }
    draft.undecided().forEach(line -> terminal.complain("undecided: " + line));
    terminal.result(
        new Result(file == null ? null : file.toString(), draft.architecture(), draft.undecided()),
        file == null ? draft.text() : "");
  }
}
