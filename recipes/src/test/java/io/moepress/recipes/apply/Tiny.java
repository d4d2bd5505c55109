package io.moepress.recipes.apply;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.apply.Applier.Output;
import io.moepress.recipes.lowering.LoweredPlan;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.SamplePlans;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;

/// Small checkpoints, plans for them, and how to apply them.
final class Tiny {
  static final ByteSize ONE_FILE = ByteSize.parse("1GB");

  private Tiny() {}

  /// Applies steps to the checkpoint in `source`, with two workers.
  static Manifest apply(Path source, List<KeepExperts> steps, Path output) throws IOException {
    return apply(source, steps, new Output(output, false, ONE_FILE), 2);
  }

  static Manifest apply(Path source, List<KeepExperts> steps, Output output, int threads)
      throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(source);
        Workers workers = new Workers(threads)) {
      return new Applier(checkpoint, workers, Progress.SILENT)
          .apply(SamplePlans.plan(steps), lower(checkpoint, steps), output);
    }
  }

  static LoweredPlan lower(CheckpointDirectory checkpoint, List<KeepExperts> steps)
      throws IOException {
    return Lowering.lower(MoeModel.of(checkpoint), steps);
  }

  /// The bytes of every tensor of a checkpoint directory.
  static SortedMap<String, byte[]> tensors(Path directory) throws IOException {
    SortedMap<String, byte[]> bytes = new TreeMap<>();
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(directory);
        Arena arena = Arena.ofConfined()) {
      for (String name : checkpoint.tensors().keySet()) {
        bytes.put(name, checkpoint.read(name, arena).bytes().toArray(ValueLayout.JAVA_BYTE));
      }
    }
    return bytes;
  }

  /// Keeps `count` experts of every layer, chosen by lot.
  static List<KeepExperts> keepSome(SplittableRandom random, int layers, int experts, int count) {
    return IntStream.range(0, layers)
        .mapToObj(layer -> SamplePlans.keep(layer, experts, choose(random, experts, count)))
        .sorted(Comparator.comparingInt(KeepExperts::layer))
        .toList();
  }

  private static int[] choose(SplittableRandom random, int experts, int count) {
    Set<Integer> chosen = new TreeSet<>();
    while (chosen.size() < count) {
      chosen.add(random.nextInt(experts));
    }
    return chosen.stream().mapToInt(Integer::intValue).toArray();
  }
}
