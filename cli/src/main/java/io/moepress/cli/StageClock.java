package io.moepress.cli;

import io.moepress.cli.report.RunFacts.Stage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/// Measures how long the stages of a run take.
final class StageClock {
  private static final double NANOSECONDS = 1e9;

  private final List<Stage> stages = new ArrayList<>();

  /// A stage.
  @FunctionalInterface
  interface Work<T> {
    /// Does it.
    T done() throws IOException;
  }

  /// Does the work of a stage.
  <T> T time(String name, Work<T> work) throws IOException {
    long begin = System.nanoTime();
    T done = work.done();
    stages.add(new Stage(name, (System.nanoTime() - begin) / NANOSECONDS));
    return done;
  }

  /// All stages so far.
  List<Stage> stages() {
    return List.copyOf(stages);
  }
}
