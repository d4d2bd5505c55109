package io.moepress.formats.architecture;

import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.json.Json;
import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/// An architecture file that a program can begin for a family it does not know: what the names of
/// the tensors, their shapes and the configuration say. What they do not say is a `?` in the file,
/// and stands in words in a list; nothing is made up.
///
/// @param architecture the file as JSON; it reads as an [Architecture] once nothing is undecided
/// @param undecided what a person has to decide, each with where it stands
public record ArchitectureDraft(ObjectNode architecture, List<String> undecided) {

  public ArchitectureDraft {
    undecided = List.copyOf(undecided);
  }

  /// Drafts for a checkpoint.
  public static ArchitectureDraft of(Checkpoint checkpoint) {
    return new ArchitectureDrafter(checkpoint).draft();
  }

  /// The text of the file.
  public String text() {
    return Json.pretty(architecture);
  }
}
