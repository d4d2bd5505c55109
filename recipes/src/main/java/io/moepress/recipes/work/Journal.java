package io.moepress.recipes.work;

import io.moepress.formats.FormatException;
import io.moepress.formats.json.Json;
import io.moepress.recipes.ToolVersion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// What a run was made from and how far it came: `journal.json` in its work directory. The next run
/// there says what has changed since.
///
/// @param formatVersion version of this document's format, 1
/// @param tool name and version of the program
/// @param checkpoint fingerprint of the source
/// @param recipe digest of the recipe
/// @param evidence digest of the evidence of the last step; null as long as there is none
/// @param plan digest of the plan; null as long as there is none
/// @param state the last stage that was finished
public record Journal(
    int formatVersion,
    String tool,
    String checkpoint,
    String recipe,
    @Nullable String evidence,
    @Nullable String plan,
    Stage state) {
  private static final int FORMAT_VERSION = 1;

  /// Its name in a work directory.
  public static final String FILE = "journal.json";

  /// The stages of a run, in order.
  public enum Stage {
    /// Inputs were opened.
    BEGUN,
    /// The plan is decided.
    PLANNED,
    /// The output is complete.
    WRITTEN,
    /// The output was read back, and everything that was asked for is done.
    FINISHED
  }

  /// The journal of a run that begins.
  public static Journal begin(String checkpoint, String recipe) {
    return new Journal(
        FORMAT_VERSION, ToolVersion.text(), checkpoint, recipe, null, null, Stage.BEGUN);
  }

  /// This run, with its plan.
  public Journal planned(@Nullable String evidenceDigest, String planDigest) {
    return new Journal(
        formatVersion, tool, checkpoint, recipe, evidenceDigest, planDigest, Stage.PLANNED);
  }

  /// This run, one stage further.
  public Journal at(Stage stage) {
    return new Journal(formatVersion, tool, checkpoint, recipe, evidence, plan, stage);
  }

  /// The journal of the last run in a work directory; nothing when there is none that can be read.
  public static Optional<Journal> last(WorkDirectory work) throws IOException {
    if (!Files.isRegularFile(file(work))) {
      return Optional.empty();
    }
    try {
      return Optional.of(Json.read(file(work), Journal.class));
    } catch (FormatException e) {
      return Optional.empty(); // of another version; nothing depends on it
    }
  }

  /// Keeps it in a work directory.
  public void write(WorkDirectory work) throws IOException {
    Json.write(file(work), this);
  }

  private static Path file(WorkDirectory work) {
    return work.file(FILE);
  }

  /// What has changed since the last run, and what that means, for people.
  public List<String> changesSince(Journal last) {
    List<String> changes = new ArrayList<>();
    if (!last.checkpoint.equals(checkpoint)) {
      changes.add("the checkpoint has changed since the last run: everything is made anew");
    }
    if (!last.tool.equals(tool)) {
      changes.add(
          "the last run was made by " + last.tool + ": plan and output are made anew by " + tool);
    }
    if (!last.recipe.equals(recipe)) {
      changes.add(
          "the recipe has changed since the last run: what does not depend on the change is kept");
    }
    if (last.plan != null && plan != null && !last.plan.equals(plan)) {
      changes.add("the plan is another one than in the last run: the output is written anew");
    }
    return changes;
  }
}
