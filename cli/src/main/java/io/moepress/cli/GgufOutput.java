package io.moepress.cli;

import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.checkpoint.StagedFile;
import io.moepress.formats.json.Json;
import io.moepress.recipes.ToolVersion;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceRequest;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.gguf.GgufExport;
import io.moepress.recipes.gguf.GgufPlan;
import io.moepress.recipes.gguf.GgufPlanner;
import io.moepress.recipes.gguf.GgufPlanner.Fitting;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.recipe.GgufSpec;
import io.moepress.recipes.recipe.Recipe;
import io.moepress.recipes.recipe.RecipeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Set;

/// The GGUF file that a recipe writes, straight from the view of the model under its plan.
///
/// @param opened the recipe
/// @param spec how the file is to be written
/// @param steps measures what the choice of types needs
record GgufOutput(OpenRecipe opened, GgufSpec spec, StepChain steps) {
  private static final String NOTE = "gguf.json";

  /// What says in the work directory that the file is complete.
  ///
  /// @param made digest of everything its bytes depend on
  /// @param digest of the file
  /// @param bytes of the file
  record Note(String made, String digest, long bytes) {}

  /// Refuses, before any work is done, a file that is in the way. One of which the work directory
  /// knows may turn out to be what is asked for.
  static void requireFree(Recipe recipe, Path work, boolean overwrite) throws IOException {
    Optional<Note> note = read(work.resolve(NOTE));
    boolean known =
        note.isPresent()
            && Files.isRegularFile(recipe.output())
            && Files.size(recipe.output()) == note.get().bytes();
    if (!known) {
      StagedFile.requireFree(recipe.output(), overwrite);
    }
  }

  private static Optional<Note> read(Path note) throws IOException {
    if (!Files.isRegularFile(note)) {
      return Optional.empty();
    }
    try {
      return Optional.of(Json.read(note, Note.class));
    } catch (FormatException e) {
      return Optional.empty(); // of another version
    }
  }

  /// Finds mistakes before anything is measured.
  void preflight() throws IOException {
    Optional<String> problem = unmeasured(opened.recipe(), spec);
    if (problem.isPresent()) {
      throw new RecipeException(opened.recipe().file() + ": gguf: " + problem.get());
    }
    try (GgufPlanner planner = GgufPlanner.open(spec, opened.checkpoint())) {
      planner.check(opened.model());
    }
  }

  /// What is wrong where types are to be chosen by measurements that nobody makes.
  static Optional<String> unmeasured(Recipe recipe, GgufSpec spec) {
    return recipe.calibration().isPresent() || TypeFitting.needs(spec.by()).isEmpty()
        ? Optional.empty()
        : Optional.of(
            "by: "
                + spec.by().label()
                + " is measured on the result (expected calibration data in the recipe). Add some, or"
                + " choose by error or alphaq.");
  }

  /// What is measured on the result, to choose types.
  Set<Statistic> needs() {
    return TypeFitting.needs(spec.by());
  }

  /// The size of the model in the file.
  Plan.Size size(Plan plan, MoeModel model) throws IOException {
    try (GgufPlanner planner = GgufPlanner.open(spec, opened.checkpoint())) {
      return size(plan, planner.plan(model, fitting(plan, model)));
    }
  }

  private static Plan.Size size(Plan plan, GgufPlan file) {
    Plan.Size after = plan.after();
    return new Plan.Size(
        after.experts(), after.expertsByLayer(), after.parameters(), file.byteCount());
  }

  /// Writes the file, unless the same one is there already.
  ///
  /// @param model the view of the model under the plan
  /// @return the size of the model in the file
  Plan.Size write(Plan plan, MoeModel model, boolean overwrite) throws IOException {
    try (GgufPlanner planner = GgufPlanner.open(spec, opened.checkpoint())) {
      GgufPlan file = planner.plan(model, fitting(plan, model));
      file.notes().forEach(note -> opened.terminal().say("note: " + note));
      String source = planner.source(plan.digest());
      String made =
          Fingerprint.ofText(
              ToolVersion.text() + source + HexFormat.of().formatHex(file.header().encode()));
      if (!overwrite && isThere(made)) {
        opened.terminal().say("output: " + output() + " is there already, by the same plan: kept");
        return size(plan, file);
      }
      GgufExport.Written written =
          new GgufExport(
                  file, planner.importance(), opened.setup().workers(), opened.setup().progress())
              .write(output(), overwrite, source);
      Json.write(note(), new Note(made, written.digest(), file.byteCount()));
      GgufConversion.resumed(file, written).forEach(opened.terminal()::say);
      opened.terminal().say("written: " + output());
      return size(plan, file);
    }
  }

  /// The digest of the file that was written last.
  String digest() throws IOException {
    return Json.read(note(), Note.class).digest();
  }

  private Fitting fitting(Plan plan, MoeModel model) throws IOException {
    Evidence evidence =
        needs().isEmpty()
            ? null
            : steps.ofResult(model, plan.resultFingerprint(), EvidenceRequest.of(needs()));
    return TypeFitting.of(spec.by(), evidence, opened.setup().workers(), opened.setup().progress());
  }

  private Path output() {
    return opened.recipe().output();
  }

  private Path note() {
    return opened.setup().work().file(NOTE);
  }

  private boolean isThere(String made) throws IOException {
    Optional<Note> note = read(note());
    return note.isPresent()
        && note.get().made().equals(made)
        && Files.isRegularFile(output())
        && Fingerprint.ofFile(output()).equals(note.get().digest());
  }
}
