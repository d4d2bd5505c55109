package io.moepress.recipes.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.gguf.GgufFile;
import io.moepress.formats.gguf.GgufHeader;
import io.moepress.formats.gguf.GgufKind;
import io.moepress.formats.gguf.GgufModel;
import io.moepress.formats.gguf.GgufTensor;
import io.moepress.formats.gguf.GgufTensorInfo;
import io.moepress.formats.gguf.GgufTokenizer;
import io.moepress.formats.gguf.GgufType;
import io.moepress.formats.gguf.GgufValue;
import io.moepress.formats.gguf.GgufWriter;
import io.moepress.formats.gguf.ImportanceFile;
import io.moepress.formats.gguf.TypeRule;
import io.moepress.formats.tensor.Shape;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.SamplePlans;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class GgufSliceTest {
  @TempDir private Path folder = Path.of("");

  private static Path write(Checkpoint checkpoint, GgufType type, Path file) throws IOException {
    GgufTokenizer.Section tokenizer = new GgufTokenizer.Section(Map.of(), List.of());
    GgufPlan plan =
        GgufPlan.of(MoeModel.of(checkpoint), TypeRule.all(type), tokenizer, "tiny", null);
    try (Workers workers = new Workers(2)) {
      new GgufExport(plan, null, workers, Progress.SILENT).write(file, false, null);
    }
    return file;
  }

  private static SortedMap<Integer, List<Integer>> kept(List<Integer> first, List<Integer> second) {
    return new TreeMap<>(Map.of(0, first, 1, second));
  }

  private CheckpointDirectory checkpoint() throws IOException {
    return CheckpointDirectory.open(
        TinyMoe.qwen3().hidden(64).expertWidth(32).write(folder.resolve("source")));
  }

  /// Cutting the file gives what cutting the checkpoint gives, to the last byte.
  @ParameterizedTest
  @EnumSource(
      value = GgufType.class,
      names = {"F32", "Q8_0", "Q5_1", "IQ4_NL"})
  void theFileIsThatOfThePrunedCheckpoint(GgufType type) throws IOException {
    try (CheckpointDirectory checkpoint = checkpoint();
        PlannedCheckpoint pruned =
            new PlannedCheckpoint(
                checkpoint,
                Lowering.lower(
                    MoeModel.of(checkpoint),
                    List.of(SamplePlans.keep(0, 4, 1, 3), SamplePlans.keep(1, 4, 0, 2))));
        GgufFile whole = GgufFile.open(write(checkpoint, type, folder.resolve("whole.gguf")))) {
      Path expected = write(pruned, type, folder.resolve("expected.gguf"));
      Path found = folder.resolve("found.gguf");

      GgufSlice.of(whole, kept(List.of(1, 3), List.of(0, 2))).write(found, false, Progress.SILENT);

      assertThat(Files.mismatch(found, expected)).isEqualTo(-1);
      try (Stream<Path> files = Files.list(folder)) {
        assertThat(files).hasSize(4);
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "0 1 | | experts are named for the layers [0] (expected [0, 1]",
        "0 1 | 0 1 2 | layer 1 is to keep [0, 1, 2] (expected 2 different experts from 0 to 3",
        "0 1 | 0 4 | layer 1 is to keep [0, 4] (expected 2 different experts from 0 to 3",
        "0 1 | 1 0 | layer 1 is to keep [1, 0]",
        "0 | 1 | a token uses 2 experts, but 1 would be left. Keep 2 or more."
      })
  void whatCannotBeIsRefused(String first, String second, String problem) throws IOException {
    try (CheckpointDirectory checkpoint = checkpoint();
        GgufFile whole =
            GgufFile.open(write(checkpoint, GgufType.F16, folder.resolve("whole.gguf")))) {
      SortedMap<Integer, List<Integer>> kept = new TreeMap<>();
      kept.put(0, numbers(first));
      if (second != null) {
        kept.put(1, numbers(second));
      }

      assertRefused(whole, kept, problem);
    }
  }

  private static List<Integer> numbers(String text) {
    return Stream.of(text.split(" ")).map(Integer::valueOf).toList();
  }

  /// The router of DeepSeek-V3 chooses groups first, by the two best of each: four groups of four.
  @Test
  void groupsStayEquallyLargeAndLargeEnough() throws IOException {
    try (CheckpointDirectory checkpoint =
            CheckpointDirectory.open(TestData.path("models/tiny-deepseekv3"));
        GgufFile whole =
            GgufFile.open(write(checkpoint, GgufType.F16, folder.resolve("whole.gguf")))) {
      SortedMap<Integer, List<Integer>> kept = new TreeMap<>();
      List<Integer> layers = MoeModel.of(checkpoint).layout().moeLayers();
      layers.forEach(layer -> kept.put(layer, List.of(0, 3, 4, 7, 8, 9, 14, 15)));
      Path output = folder.resolve("out.gguf");
      GgufSlice.of(whole, kept).write(output, false, Progress.SILENT);
      try (GgufFile file = GgufFile.open(output)) {
        assertThat(file.whole("deepseek2.expert_count")).contains(8L);
        assertThat(file.tensor("blk.2.exp_probs_b.bias").orElseThrow().shape().dimension(0))
            .isEqualTo(8);
      }
      kept.put(2, List.of(0, 1, 2, 4, 7, 8, 14, 15));
      assertRefused(whole, kept, "layer 2 keeps [3, 2, 1, 2] experts of its groups");
      layers.forEach(layer -> kept.put(layer, List.of(0, 4, 8, 12)));
      assertRefused(whole, kept, "4 experts would be left (expected a multiple of 4, at least 8");
    }
  }

  /// Per-expert numbers that are not known to be such would be copied whole.
  @Test
  void partsOfFilesAndUnknownTensorsAreRefused() throws IOException {
    try (CheckpointDirectory checkpoint = checkpoint();
        GgufFile whole =
            GgufFile.open(write(checkpoint, GgufType.F16, folder.resolve("whole.gguf")))) {
      Map<String, GgufValue> split = new LinkedHashMap<>(whole.header().metadata());
      split.put("split.count", new GgufValue.One(GgufKind.U16, 3L));
      List<GgufTensorInfo> strange = new ArrayList<>(whole.tensors());
      strange.add(new GgufTensorInfo("blk.0.ffn_up_exps.scale", GgufType.F32, Shape.of(4)));

      try (GgufFile part = copy(split, whole.tensors(), "part.gguf");
          GgufFile scaled = copy(whole.header().metadata(), strange, "scaled.gguf")) {
        SortedMap<Integer, List<Integer>> kept = kept(List.of(0, 1), List.of(0, 1));
        assertRefused(part, kept, "one of 3 parts (expected a whole file)");
        assertRefused(scaled, kept, "tensor blk.0.ffn_up_exps.scale: unknown");
      }
    }
  }

  /// It decides how many experts have to stay.
  @Test
  void aFileMustSayHowManyExpertsATokenUses() throws IOException {
    try (CheckpointDirectory checkpoint = checkpoint();
        GgufFile whole =
            GgufFile.open(write(checkpoint, GgufType.F16, folder.resolve("whole.gguf")))) {
      Map<String, GgufValue> metadata = new LinkedHashMap<>(whole.header().metadata());
      metadata.remove("qwen3moe.expert_used_count");

      try (GgufFile silent = copy(metadata, whole.tensors(), "silent.gguf")) {
        assertRefused(silent, kept(List.of(0), List.of(0)), "no qwen3moe.expert_used_count");
      }
    }
  }

  /// A file with this head; its weights are zeros.
  private GgufFile copy(Map<String, GgufValue> metadata, List<GgufTensorInfo> tensors, String name)
      throws IOException {
    GgufHeader header = GgufHeader.layOut(metadata, tensors);
    Path file = folder.resolve(name);
    try (GgufWriter writer = GgufWriter.create(file, header)) {
      for (GgufTensorInfo tensor : tensors) {
        long bytes = tensor.shape().dimension(0) * tensor.bytesPerSlice();
        writer.append(tensor.name(), MemorySegment.ofArray(new byte[Math.toIntExact(bytes)]));
      }
      writer.finish();
    }
    return GgufFile.open(file);
  }

  private static void assertRefused(
      GgufFile file, SortedMap<Integer, List<Integer>> kept, String problem) {
    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> GgufSlice.of(file, kept))
        .withMessageContaining(problem);
  }

  /// The counts of an importance matrix; of equals the first.
  @Test
  void thoseThatWereUsedMostStay() throws IOException {
    Path imatrix = folder.resolve("imatrix.gguf");
    try (CheckpointDirectory checkpoint = checkpoint();
        GgufFile whole =
            GgufFile.open(write(checkpoint, GgufType.F16, folder.resolve("whole.gguf")))) {
      GgufModel model = GgufModel.of(MoeModel.of(checkpoint));
      List<GgufTensor> tensors =
          List.of(
              model.tensor("blk.0.ffn_gate_exps.weight").orElseThrow(),
              model.tensor("blk.1.ffn_up_exps.weight").orElseThrow());
      ImportanceFile.write(
          imatrix,
          Map.of(),
          tensors,
          tensor ->
              new ImportanceFile.Sums(
                  tensor.name(),
                  new double[4][64],
                  tensor.name().startsWith("blk.0")
                      ? new double[] {3, 9, 0, 4}
                      : new double[] {5, 5, 5, 6}));
      try (ImportanceFile importance = ImportanceFile.open(imatrix)) {
        assertThat(GgufSlice.mostUsed(whole, importance, 2))
            .isEqualTo(kept(List.of(1, 3), List.of(0, 3)));
      }
    }
  }
}
