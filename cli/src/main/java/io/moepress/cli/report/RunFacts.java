package io.moepress.cli.report;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// What the last call of a run took, and where the bytes are: `facts.json` in its work directory.
/// It differs from call to call, so nothing is made from it but a report.
///
/// @param plan digest of the plan
/// @param stages in their order; one that found its result done before took no time
/// @param peakMemory bytes that were resident at most; null where the system does not tell
/// @param predictedMemory bytes that were to be used at most
/// @param allowedMemory bytes that might have been used
/// @param components the parts of the model; empty where the output is unsound
public record RunFacts(
    String plan,
    List<Stage> stages,
    @Nullable Long peakMemory,
    long predictedMemory,
    long allowedMemory,
    List<Component> components) {
  public static final String FILE = "facts.json";

  public RunFacts {
    stages = List.copyOf(stages);
    components = List.copyOf(components);
  }

  /// A part of the work.
  public record Stage(String name, double seconds) {}
}
