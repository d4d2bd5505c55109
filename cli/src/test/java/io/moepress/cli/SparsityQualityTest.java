package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What published methods promise, on a trained model.
class SparsityQualityTest {
  @TempDir private Path folder;

  @Test
  void whatWeightsAreMultipliedWithMatters() throws IOException {
    double magnitude = perplexity("{method: magnitude, sparsity: 40%}");
    double wanda = perplexity("{method: wanda, sparsity: 40%}");

    assertThat(wanda).isLessThan(magnitude);
  }

  /// On the domain it was calibrated on, after four tenths of the weights of experts became zero.
  private double perplexity(String step) throws IOException {
    String recipe =
        """
        model: %model
        output: %output
        calibration:
          data: [{file: %calibration, samples: 25}]
        steps:
          - sparsify: %step
        evaluate:
          data: [{file: %evaluation, samples: 20}]
        """
            .replace("%model", TestData.path("models/tiny-qwen3moe").toString())
            .replace("%output", folder.resolve("out" + step.hashCode()).toString())
            .replace("%calibration", TestData.path("texts/math.calibration.jsonl").toString())
            .replace("%evaluation", TestData.path("texts/math.evaluation.jsonl").toString())
            .replace("%step", step);

    Cli run =
        Cli.run("run", Files.writeString(folder.resolve("recipe.yaml"), recipe), "--json", "-q");

    assertThat(run.exitCode()).as(run.err()).isZero();
    return run.json().at("/evaluation/after/evaluation/corpora/0/perplexity").asDouble();
  }
}
