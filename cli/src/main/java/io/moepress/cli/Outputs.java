package io.moepress.cli;

import io.moepress.formats.checkpoint.StagedDirectory;
import io.moepress.recipes.apply.Applier;
import io.moepress.recipes.apply.Applier.Output;
import io.moepress.recipes.apply.Manifest;
import io.moepress.recipes.lowering.LoweredPlan;
import io.moepress.recipes.plan.Plan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/// Writes outputs, and knows those that are there already.
final class Outputs {
  private Outputs() {}

  /// Refuses, before any work is done, an output that is in the way. One with a manifest may turn
  /// out to be what is asked for.
  static void requireFree(Path output, boolean overwrite) throws IOException {
    if (!Files.isRegularFile(output.resolve(Manifest.FILE))) {
      StagedDirectory.requireFree(output, overwrite);
    }
  }

  /// Writes the output, unless the same plan has been written there already and nobody asked for it
  /// to be replaced.
  static Manifest write(
      Applier applier, Plan plan, LoweredPlan lowered, Output output, Terminal terminal)
      throws IOException {
    Optional<Manifest> written =
        output.overwrite() ? Optional.empty() : applier.findWritten(plan, lowered, output);
    if (written.isPresent()) {
      StagedDirectory.tidy(output.directory());
      terminal.say("output: " + output.directory() + " is there already, by the same plan: kept");
      return written.get();
    }
    StagedDirectory.requireFree(output.directory(), output.overwrite());
    Manifest manifest = applier.apply(plan, lowered, output);
    terminal.say("written: " + output.directory());
    return manifest;
  }
}
