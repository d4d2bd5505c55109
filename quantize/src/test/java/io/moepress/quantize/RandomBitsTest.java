package io.moepress.quantize;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.Jobs;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.plan.BitAllocation;
import io.moepress.recipes.plan.BitBudget;
import io.moepress.recipes.plan.BitGranularity;
import io.moepress.recipes.plan.BitLimits;
import io.moepress.recipes.plan.BitRequest;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Bits drawn by lot: the floor that a method has to beat.
class RandomBitsTest {
  @TempDir private Path folder;

  @ParameterizedTest
  @CsvSource({"2, 0, 1, 0", "2.5, 0, 0.5, 0.5", "3, 0, 0, 1"})
  void noMatrixGetsTwoBitsMoreThanAnother(double budget, double one, double two, double three)
      throws IOException {
    BitAllocation found = allocation(1, budget);

    double all = found.weights();
    assertThat(found.weightsByWidth().getOrDefault(1, 0L) / all).isEqualTo(one);
    assertThat(found.weightsByWidth().getOrDefault(2, 0L) / all).isEqualTo(two);
    assertThat(found.weightsByWidth().getOrDefault(3, 0L) / all).isEqualTo(three);
  }

  @Test
  void theSeedDecidesWhoGetsThem() throws IOException {
    assertThat(allocation(1, 2.5).byExpert()).isEqualTo(allocation(1, 2.5).byExpert());
    assertThat(allocation(1, 2.5).byExpert()).isNotEqualTo(allocation(2, 2.5).byExpert());
  }

  private BitAllocation allocation(long seed, double budget) throws IOException {
    Path directory = folder.resolve(seed + "-" + budget);
    TinyMoe moe = TinyMoe.qwen3().layers(2).experts(8);
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe.write(directory))) {
      MoeModel model = MoeModel.of(checkpoint);
      RandomBits method = new RandomBits(seed);
      BitRequest request =
          new BitRequest(model, Evidence.of(model), List.of(1, 2, 3), 0, Jobs.IN_TURN);
      return method.allocate(
          method.costs(request),
          new BitLimits(
              new BitBudget.Average(budget),
              method.defaultScope(),
              BitGranularity.MATRIX,
              new TreeSet<>()));
    }
  }
}
