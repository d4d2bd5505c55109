package io.moepress.recipes.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.encoding.BlockEncoding;
import io.moepress.formats.encoding.WeightRows;
import io.moepress.formats.gguf.GgufModel;
import io.moepress.formats.gguf.GgufTensor;
import io.moepress.formats.gguf.GgufType;
import io.moepress.formats.tensor.Numbers;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.gguf.TypeErrors.Question;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/// An error counts as often as a token meets it.
class TypeErrorsTest {
  private static final int EXPERTS = 8;
  private static final int CHOSEN = 2;
  private static final String STACK = "blk.1.ffn_up_exps.weight";

  /// The error of `Q4_0` in one tensor of a small model.
  private static double error(MoeModel model, String name, @Nullable Evidence evidence)
      throws IOException {
    GgufTensor tensor = GgufModel.of(model).tensor(name).orElseThrow();
    ExpertUse use = new ExpertUse(model, null, evidence);
    try (Workers workers = new Workers(1)) {
      return new TypeErrors(model, null, use)
          .of(List.of(new Question(tensor, List.of(GgufType.Q4_0))), workers, Progress.SILENT)
          .getFirst()[0];
    }
  }

  /// What is said of the use is what was done: evidence may know nothing of a layer.
  @Test
  void whereNobodyHasCountedIsSaid() throws IOException {
    try (CheckpointDirectory checkpoint =
        CheckpointDirectory.open(TestData.path("models/tiny-mixtral"))) {
      MoeModel model = MoeModel.of(checkpoint);
      Evidence second = routed(0, 3, 0, 0, 1, 0, 0, 0);

      assertThat(said(model, null, STACK)).isEqualTo("experts count as if all were used alike");
      assertThat(said(model, second, STACK, "blk.1.attn_q.weight"))
          .isEqualTo("experts count by how often they were used in 1 of 1 stacks");
      assertThat(said(model, second, STACK, "blk.0.ffn_up_exps.weight"))
          .isEqualTo(
              "experts count by how often they were used in 1 of 2 stacks, and as if all were used"
                  + " alike in the others");
      assertThat(said(model, routed(0, 0, 0, 0, 0, 0, 0, 0), STACK))
          .isEqualTo(
              "experts count as if all were used alike, for of none of their 1 stacks is it known how"
                  + " often");
    }
  }

  private static String said(MoeModel model, @Nullable Evidence evidence, String... tensors)
      throws IOException {
    ExpertUse use = new ExpertUse(model, null, evidence);
    for (String tensor : tensors) {
      use.of(GgufModel.of(model).tensor(tensor).orElseThrow());
    }
    return use.text();
  }

  private static Evidence routed(double... tokens) {
    Map<Integer, Evidence.Layer> layers =
        Map.of(
            1,
            new Evidence.Layer(EXPERTS, Map.of(Statistic.ROUTED_TOKENS, new double[][] {tokens})));
    return new Evidence("", 0, List.of(), new TreeMap<>(layers));
  }

  /// The sums of squared differences of one expert's matrix.
  private static double[] byExpert(MoeModel model) throws IOException {
    double[] sums = new double[EXPERTS];
    for (int expert = 0; expert < EXPERTS; expert++) {
      String name = "model.layers.1.block_sparse_moe.experts." + expert + ".w3.weight";
      try (Arena arena = Arena.ofConfined()) {
        float[] values = Numbers.floats(model.checkpoint().read(name, arena));
        BlockEncoding encoding = BlockEncoding.named("Q4_0").orElseThrow();
        float[] decoded = encoding.decode(encoding.encode(WeightRows.of(name, 0, 128, values)));
        for (int i = 0; i < values.length; i++) {
          sums[expert] += (values[i] - decoded[i]) * (double) (values[i] - decoded[i]);
        }
      }
    }
    return sums;
  }

  @Test
  void expertsCountByTheirUse() throws IOException {
    try (CheckpointDirectory checkpoint =
        CheckpointDirectory.open(TestData.path("models/tiny-mixtral"))) {
      MoeModel model = MoeModel.of(checkpoint);
      double[] own = byExpert(model);
      double all = 0;
      for (double sum : own) {
        all += sum;
      }

      double unknown = error(model, STACK, null);
      double onlyOne = error(model, STACK, routed(0, 0, 7, 0, 0, 0, 0, 0));
      double two = error(model, STACK, routed(0, 3, 0, 0, 1, 0, 0, 0));
      double none = error(model, STACK, routed(0, 0, 0, 0, 0, 0, 0, 0));

      assertThat(unknown).isCloseTo(all * CHOSEN / EXPERTS, within(all * 1e-9));
      assertThat(onlyOne).isCloseTo(CHOSEN * own[2], within(all * 1e-9));
      assertThat(two).isCloseTo(CHOSEN * (0.75 * own[1] + 0.25 * own[4]), within(all * 1e-9));
      assertThat(none).isEqualTo(unknown);
      // what is no expert is met by every token
      assertThat(error(model, "blk.1.attn_q.weight", null))
          .isEqualTo(error(model, "blk.1.attn_q.weight", routed(0, 0, 7, 0, 0, 0, 0, 0)));
    }
  }
}
