package io.moepress.recipes.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.FormatException;
import io.moepress.formats.json.Json;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Reports of other tools about the experts they retained.
class RetainedExpertsTest {

  @ParameterizedTest
  @ValueSource(
      strings = {
        "3",
        "layers.3",
        "model.layers.3.mlp",
        "model.layers.3.block_sparse_moe",
        "model.layers.3.mlp.experts",
        "model.language_model.layers.3.feed_forward"
      })
  void aKeySaysItsLayer(String key) {
    assertThat(read("{\"" + key + "\": [2, 0]}").layers()).isEqualTo(Map.of(3, List.of(0, 2)));
  }

  @Test
  void layersAndExpertsAreInOrder() {
    RetainedExperts report =
        read("{\"model.layers.10.mlp\": [3, 1, 2], \"model.layers.2.mlp\": [0, 7]}");

    assertThat(report.layers())
        .isEqualTo(new TreeMap<>(Map.of(2, List.of(0, 7), 10, List.of(1, 2, 3))));
    assertThat(report.layers().firstKey()).isEqualTo(2);
    assertThat(report.fewest()).isEqualTo(2);
    assertThat(report.name()).isEqualTo("retained-experts");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "{}|no layer (expected a plan, or a report such as {\"model.layers.3.mlp\": [0, 2]})",
        "{\"kept\": [1]}|key \"kept\" names no layer (expected a plan, or a report",
        "{\"layers\": {\"3\": [1]}}|key \"layers\" names no layer (expected",
        "{\"a.layers.1.layers.2\": [1]}|key \"a.layers.1.layers.2\" names no layer (expected",
        "{\"model.layers.x.mlp\": [1]}|key \"model.layers.x.mlp\" names no layer (expected",
        "{\"3\": 1}|\"3\": not an array of expert indices (expected",
        "{\"3\": {\"0\": 1}}|\"3\": not an array of expert indices (expected",
        "{\"3\": [0, \"1\"]}|\"3\": not an array of expert indices (expected",
        "{\"3\": [0, 1.5]}|\"3\": not an array of expert indices (expected",
        "{\"3\": [0, -1]}|\"3\": not an array of expert indices (expected",
        "{\"3\": [true]}|\"3\": not an array of expert indices (expected",
        "{\"3\": []}|\"3\": no expert stays",
        "{\"3\": [1, 2, 1]}|\"3\": an expert is listed twice: [1, 2, 1]",
        "{\"3\": [1], \"model.layers.3.mlp\": [1]}|\"model.layers.3.mlp\": layer 3 is listed twice"
            + " (expected once). Remove one",
      })
  void whatIsNoReportIsRefused(String text, String message) {
    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> read(text))
        .withMessageStartingWith("report.json: " + message);
  }

  @Test
  void aPlanIsToldByModuleInTheNumbersOfItsSource() {
    Plan first = plan(null, keep(1, List.of(0, 2, 5, 7), 8), keep(2, List.of(1, 2, 3, 4), 8));
    Plan second = plan(first, keep(1, List.of(1, 3), 4), keep(2, List.of(0, 1), 4));

    assertThat(RetainedReport.of(second))
        .isEqualTo(
            Map.of("model.layers.1.mlp", List.of(2, 7), "model.layers.2.mlp", List.of(1, 2)));
    assertThat(read(Json.pretty(RetainedReport.of(second))).layers())
        .isEqualTo(Map.of(1, List.of(2, 7), 2, List.of(1, 2)));
  }

  static Stream<PlanStep> changesThatAReportCannotSay() {
    return Stream.of(
        new MergeExperts(1, "mean", "mean", List.of(MergeExperts.Group.mean(List.of(0, 1)))),
        new LowerTopK(4, 2),
        new IgnoreGroups(4, 2),
        new PruneMultiTokenPrediction(3));
  }

  @ParameterizedTest
  @MethodSource("changesThatAReportCannotSay")
  void aPlanThatDoesMoreThanDropExpertsIsNoReport(PlanStep step) {
    assertThatExceptionOfType(PlanMismatchException.class)
        .isThrownBy(() -> RetainedReport.of(plan(null, keep(1, List.of(0), 2), step)))
        .withMessageStartingWith(
            "the plan does more than drop experts (" + step.getClass().getSimpleName() + ")");
  }

  private static KeepExperts keep(int layer, List<Integer> kept, int experts) {
    List<Double> scores = Collections.nCopies(experts, 1.0);
    return new KeepExperts(layer, "reap", "slice", kept, List.of(), scores);
  }

  private static Plan plan(Plan previous, PlanStep... steps) {
    Plan.Size size = new Plan.Size(8, 1, 1);
    return new Plan(
        Plan.FORMAT_VERSION,
        "moepress",
        "qwen3_moe",
        previous,
        "sha256:0",
        null,
        "transformers",
        size,
        size,
        List.of(),
        List.of(steps));
  }

  private static RetainedExperts read(String text) {
    return RetainedExperts.of("report.json", "sha256:1", Json.object(text, "report.json"));
  }
}
