package io.moepress.calibrate.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Percentage.withPercentage;

import io.moepress.calibrate.forward.PassResources;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.json.Json;
import io.moepress.recipes.evaluation.Evaluation;
import io.moepress.recipes.evaluation.Evaluation.ChoiceScore;
import io.moepress.recipes.evaluation.Evaluation.CorpusScore;
import io.moepress.recipes.recipe.DataSource;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/// Perplexity and multiple choice of trained models as the reference implementation has them: all
/// evaluation texts of a domain, and a hundred of its questions.
class GoldenEvaluationTest {

  @Test
  void ofTinyQwen3Moe() throws IOException {
    assertGolden("tiny-qwen3moe", List.of("math", "code", "drama", "prose"));
  }

  /// The two shorter domains.
  @Test
  void ofTinyMixtral() throws IOException {
    assertGolden("tiny-mixtral", List.of("math", "drama"));
  }

  private static void assertGolden(String model, List<String> domains) throws IOException {
    JsonNode golden = Json.object(TestData.path("golden/models/" + model + ".json"));

    Evaluation evaluation = evaluate(TestData.path("models/" + model), domains);

    for (int i = 0; i < domains.size(); i++) {
      String domain = domains.get(i);
      assertSame(evaluation.corpora().get(i), golden.get("perplexity").get(domain), domain);
      assertSame(evaluation.choices().get(i), golden.get("choices").get(domain), domain);
    }
    assertThat(evaluation.comparison()).isNull();
  }

  /// To four digits.
  private static void assertSame(CorpusScore found, JsonNode golden, String domain) {
    assertThat(found.tokens()).as(domain).isEqualTo(golden.get("tokens").asLong());
    assertThat(found.nll())
        .as(domain)
        .isCloseTo(golden.get("nll").asDouble(), withPercentage(0.005));
    assertThat(found.perplexity())
        .as(domain)
        .isCloseTo(golden.get("perplexity").asDouble(), withPercentage(0.005));
  }

  private static void assertSame(ChoiceScore found, JsonNode golden, String domain) {
    assertThat(found.items()).as(domain).isEqualTo(golden.get("items").asLong());
    assertThat(found.correct()).as(domain).isEqualTo(golden.get("correct").asLong());
    assertThat(found.accuracy()).as(domain).isEqualTo(golden.get("accuracy").asDouble());
    assertThat(found.accuracyNormalized())
        .as(domain)
        .isEqualTo(golden.get("accuracyNormalized").asDouble());
  }

  private static Evaluation evaluate(Path directory, List<String> domains) throws IOException {
    List<DataSource> sources = new ArrayList<>();
    for (String domain : domains) {
      sources.add(source(domain + ".evaluation.jsonl", OptionalInt.empty()));
      sources.add(source(domain + ".choices.jsonl", OptionalInt.of(100)));
    }
    EvaluationData data = EvaluationData.read(sources, directory, 512);
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(directory);
        Workers workers = new Workers(2)) {
      Evaluator evaluator = new Evaluator(data, PassResources.inMemory(workers, Progress.SILENT));
      try (Evaluator.Reference run = evaluator.run("test", MoeModel.of(checkpoint))) {
        return evaluator.score(run, null);
      }
    }
  }

  private static DataSource source(String file, OptionalInt samples) {
    return new DataSource(TestData.path("texts/" + file), samples, file);
  }
}
