package io.moepress.calibrate.measure;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.CorpusReader;
import io.moepress.formats.json.Json;
import io.moepress.recipes.recipe.CalibrationSpec;
import io.moepress.recipes.recipe.CalibrationSpec.Order;
import io.moepress.recipes.recipe.DataSource;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import tools.jackson.databind.JsonNode;

/// What the golden numbers of a trained model were made from: its first 25 mathematics texts, 3836
/// tokens.
final class GoldenMath {
  static final Path MODEL = TestData.path("models/tiny-mixtral");

  private GoldenMath() {}

  static Corpus corpus() throws IOException {
    DataSource math =
        new DataSource(TestData.path("texts/math.calibration.jsonl"), OptionalInt.of(25), "math");
    try (CorpusReader reader = new CorpusReader(MODEL)) {
      return reader.read(new CalibrationSpec(List.of(math), 512, Order.FILE), 42);
    }
  }

  static JsonNode numbers() throws IOException {
    return Json.object(TestData.path("golden/models/tiny-mixtral.methods.json"));
  }
}
