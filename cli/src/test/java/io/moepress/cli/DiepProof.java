package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// Whether what DiEP learns on a trained model is worth more than counting tokens or drawing lots.
@Tag("proof")
class DiepProof {
  @TempDir private Path folder = Path.of("");

  @Test
  void halfOfTheExpertsLearnedBeatFrequencyAndLots() throws IOException {
    List<Double> lots = new ArrayList<>();
    double learned = 0;
    double counted = 0; // the same with every seed
    for (int seed = 1; seed <= 3; seed++) {
      Path recipe = recipe(seed);
      Cli run =
          Cli.run("run", recipe, "--json", "--overwrite", "-w", folder.resolve("shared.work"));
      assertThat(run.exitCode()).as(run.err()).isZero();
      JsonNode evaluation = run.json().get("evaluation");
      learned = perplexity(evaluation.get("after"));
      counted = perplexity(evaluation.get("baselines").get(0));
      lots.add(perplexity(evaluation.get("baselines").get(1)));
    }

    System.err.println("diep " + learned + ", frequency " + counted + ", random " + lots);
    assertThat(learned).isLessThan(counted);
    assertThat(Collections.min(lots)).isGreaterThan(2 * counted);
  }

  private static double perplexity(JsonNode candidate) {
    return candidate.get("evaluation").get("corpora").get(0).get("perplexity").asDouble();
  }

  /// The order of texts stays, so that the scores are learned once.
  private Path recipe(int seed) throws IOException {
    String text =
        """
        model: MODEL
        output: OUTPUT
        seed: SEED
        calibration:
          data: [{file: TEXTS, samples: 25}]
        steps:
          - prune: {method: diep, keep: 50%, batch: 5, seed: 42}
        evaluate:
          data: [{file: EVALUATION, samples: 60}]
          baselines: [frequency, random]
        """
            .replace("MODEL", TestData.path("models/tiny-qwen3moe").toString())
            .replace("OUTPUT", folder.resolve("half").toString())
            .replace("SEED", "" + seed)
            .replace("TEXTS", TestData.path("texts/math.calibration.jsonl").toString())
            .replace("EVALUATION", TestData.path("texts/math.evaluation.jsonl").toString());
    return Files.writeString(folder.resolve("recipe.yaml"), text);
  }
}
