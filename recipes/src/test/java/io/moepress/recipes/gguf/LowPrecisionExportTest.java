package io.moepress.recipes.gguf;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.gguf.GgufFile;
import io.moepress.formats.gguf.GgufPreset;
import io.moepress.formats.gguf.GgufTokenizer;
import io.moepress.formats.gguf.GgufType;
import io.moepress.formats.gguf.GgufValue;
import io.moepress.formats.gguf.StoredTypes;
import io.moepress.formats.gguf.TypeRule;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.SamplePlans;
import io.moepress.recipes.verify.Verifier.Check;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// GGUF files of checkpoints that are stored in low precision.
class LowPrecisionExportTest {
  private static final String DOWN = "blk.1.ffn_down_exps.weight";

  @TempDir private Path folder;

  private static CheckpointDirectory open(String name) throws IOException {
    return CheckpointDirectory.open(TestData.path("golden/lowprecision/" + name));
  }

  private static GgufPlan plan(MoeModel model, TypeRule rule) {
    List<String> tokens = IntStream.range(0, 96).mapToObj(id -> "t" + id).toList();
    GgufTokenizer.Section tokenizer =
        new GgufTokenizer.Section(
            Map.of(
                "tokenizer.ggml.model", GgufValue.text("gpt2"),
                "tokenizer.ggml.tokens", GgufValue.texts(tokens)),
            List.of());
    return GgufPlan.of(model, rule, tokenizer, "tiny", null);
  }

  private Path write(Checkpoint checkpoint, String name) throws IOException {
    MoeModel model = MoeModel.of(checkpoint);
    GgufPlan plan = plan(model, StoredTypes.of(model));
    Path file = folder.resolve(name);
    try (Workers workers = new Workers(2)) {
      new GgufExport(plan, null, workers, Progress.SILENT).write(file, false, null);
    }
    assertThat(GgufCheck.of(file)).allMatch(Check::passed);
    return file;
  }

  @Test
  void mxfp4StaysMxfp4() throws IOException {
    try (CheckpointDirectory checkpoint = open("gpt_oss_mxfp4");
        GgufFile file = GgufFile.open(write(checkpoint, "out.gguf"))) {
      assertThat(file.text("general.architecture")).contains("gpt-oss");
      assertThat(file.tensor(DOWN).orElseThrow().type()).isEqualTo(GgufType.MXFP4);
      assertThat(file.tensor("blk.1.attn_q.weight").orElseThrow().type()).isEqualTo(GgufType.F32);
      assertThat(file.tensor("blk.1.ffn_up_exps.bias").orElseThrow().type())
          .isEqualTo(GgufType.F32);
    }
  }

  /// Experts that are kept have the same bytes.
  @Test
  void prunedExpertsAreNotEncodedAnew() throws IOException {
    try (CheckpointDirectory checkpoint = open("gpt_oss_mxfp4");
        PlannedCheckpoint half =
            new PlannedCheckpoint(
                checkpoint,
                Lowering.lower(
                    MoeModel.of(checkpoint),
                    IntStream.range(0, 4)
                        .mapToObj(layer -> SamplePlans.keep(layer, 6, 1, 3, 4))
                        .toList()));
        GgufFile whole = GgufFile.open(write(checkpoint, "whole.gguf"));
        GgufFile file = GgufFile.open(write(half, "half.gguf"));
        Arena arena = Arena.ofConfined()) {
      assertThat(file.whole("gpt-oss.expert_count")).contains(3L);
      assertThat(file.readSlices(DOWN, 1, 2, arena).mismatch(whole.readSlices(DOWN, 3, 2, arena)))
          .isEqualTo(-1);
    }
  }

  @Test
  void whatIsEncodedAnewIsSaid() throws IOException {
    try (CheckpointDirectory mxfp4 = open("gpt_oss_mxfp4");
        CheckpointDirectory fp8 = open("deepseek_v3_fp8_block16")) {
      MoeModel model = MoeModel.of(mxfp4);
      MoeModel deepSeek = MoeModel.of(fp8);

      assertThat(plan(model, GgufPreset.MXFP4_MOE.rule(model, false)).notes())
          .noneMatch(note -> note.contains("anew"));
      assertThat(plan(model, TypeRule.all(GgufType.Q8_0)).notes())
          .contains(
              "12 tensors are stored as MXFP4, and are decoded and encoded anew; MXFP4_MOE keeps their"
                  + " bytes");
      assertThat(plan(deepSeek, StoredTypes.of(deepSeek)).notes())
          .anyMatch(note ->
              note.endsWith("FP8 E4M3 in blocks of 16 × 16, and are decoded and encoded anew"));
    }
  }
}
