package io.moepress.recipes.apply;

import io.moepress.formats.FormatException;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.lowering.LoweredPlan;
import io.moepress.recipes.lowering.OutputTensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/// A checkpoint as it will be under a plan: reads run the tensor programs, nothing is written.
///
/// What is read here equals what [Applier] writes, byte for byte. Closing the view leaves the
/// source open.
public final class PlannedCheckpoint implements Checkpoint {
  private final Checkpoint source;
  private final LoweredPlan plan;
  private final ProgramRunner runner;
  private final RecentTensors recent = new RecentTensors();
  private final Map<String, OutputTensor> programs = new HashMap<>();
  private final SortedMap<String, TensorInfo> tensors = new TreeMap<>();

  /// Looks at `source` through `plan`.
  public PlannedCheckpoint(Checkpoint source, LoweredPlan plan) {
    this.source = source;
    this.plan = plan;
    this.runner = new ProgramRunner(source);
    for (OutputTensor tensor : plan.tensors()) {
      programs.put(tensor.info().name(), tensor);
      tensors.put(tensor.info().name(), tensor.info());
    }
  }

  @Override
  public String name() {
    return source.name() + " (planned)";
  }

  @Override
  public ModelConfig config() {
    return plan.config();
  }

  @Override
  public SortedMap<String, TensorInfo> tensors() {
    return Collections.unmodifiableSortedMap(tensors);
  }

  @Override
  public TensorData read(String tensor, Arena arena) throws IOException {
    return runner.run(program(tensor), arena);
  }

  @Override
  public TensorData readRows(String tensor, long first, long count, Arena arena)
      throws IOException {
    OutputTensor program = program(tensor);
    boolean partly = count < program.info().shape().dimension(0);
    return partly && !ProgramRunner.givesRows(program.program())
        ? recent.get(tensor, making -> runner.run(program, making)).rows(first, count)
        : runner.runRows(program, first, count, arena);
  }

  private OutputTensor program(String tensor) {
    OutputTensor program = programs.get(tensor);
    if (program == null) {
      throw FormatException.of("%s: no tensor %s", name(), tensor);
    }
    return program;
  }

  @Override
  public void close() {}
}
