package io.moepress.cli;

import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceFile;
import io.moepress.recipes.plan.PlanMismatchException;
import java.io.IOException;
import java.nio.file.Path;

/// Evidence that a user brings along.
final class GivenEvidence {
  private GivenEvidence() {}

  /// The evidence in a directory.
  ///
  /// @throws PlanMismatchException when it is of another checkpoint
  static Evidence read(Path directory, CheckpointDirectory checkpoint) throws IOException {
    Evidence evidence = EvidenceFile.read(directory);
    String fingerprint = Fingerprint.of(checkpoint);
    if (!evidence.checkpoint().equals(fingerprint)) {
      throw new PlanMismatchException(
          "the evidence was measured on checkpoint %s, this one is %s. Calibrate this one.",
          evidence.checkpoint(), fingerprint);
    }
    return evidence;
  }
}
