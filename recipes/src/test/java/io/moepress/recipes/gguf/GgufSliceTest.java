package io.moepress.recipes.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.gguf.GgufFile;
import io.moepress.formats.gguf.GgufModel;
import io.moepress.formats.gguf.GgufTensor;
import io.moepress.formats.gguf.GgufTokenizer;
import io.moepress.formats.gguf.GgufType;
import io.moepress.formats.gguf.ImportanceFile;
import io.moepress.formats.gguf.TypeRule;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.SamplePlans;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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

      assertThatExceptionOfType(FormatException.class)
          .isThrownBy(() -> GgufSlice.of(whole, kept))
          .withMessageContaining(problem);
    }
  }

  private static List<Integer> numbers(String text) {
    return Stream.of(text.split(" ")).map(Integer::valueOf).toList();
  }

  /// The router of DeepSeek-V3 chooses groups first.
  @Test
  void groupsStayEquallyLarge() throws IOException {
    try (CheckpointDirectory checkpoint =
            CheckpointDirectory.open(TestData.path("golden/arch/deepseek_v3"));
        GgufFile whole =
            GgufFile.open(write(checkpoint, GgufType.F16, folder.resolve("whole.gguf")))) {
      SortedMap<Integer, List<Integer>> kept = new TreeMap<>();
      List.of(1, 2, 3).forEach(layer -> kept.put(layer, List.of(0, 3, 4, 7)));
      Path output = folder.resolve("out.gguf");
      GgufSlice.of(whole, kept).write(output, false, Progress.SILENT);
      try (GgufFile file = GgufFile.open(output)) {
        assertThat(file.whole("deepseek2.expert_count")).contains(4L);
        assertThat(file.tensor("blk.2.exp_probs_b.bias").orElseThrow().shape().dimension(0))
            .isEqualTo(4);
      }
      kept.put(2, List.of(0, 1, 4, 7));

      assertThatExceptionOfType(FormatException.class)
          .isThrownBy(() -> GgufSlice.of(whole, kept))
          .withMessageContaining("layer 2 keeps [2, 0, 1, 1] experts of its groups");
    }
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
