package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.cli.ComparisonReport.Outcome;
import io.moepress.cli.chart.Chart;
import io.moepress.recipes.evaluation.Evaluation;
import io.moepress.recipes.plan.Plan;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/// A comparison whose numbers are known, as table, numbers and chart.
class ComparisonTableTest {
  private static final ComparisonReport REPORT =
      new ComparisonReport(
          1,
          "moepress 1",
          "models/tiny",
          "sha256:0",
          "transformers",
          List.of("math"),
          2.5,
          new TreeMap<>(Map.of("m.jsonl", "math", "q.jsonl", "questions")),
          outcome("original", "", "", 4096, 10, 0.7, 0),
          List.of(
              outcome("good", "75%", "", 3072, 12, 0.7, 0.1),
              outcome("good", "50%", "", 2048, 20.5, 0.5, 0.9),
              outcome("even", "75%", "", 3072, 13, 0.7, 0.2),
              failed("even", "50%", "too few experts, \"really\""),
              outcome("random", "75%", "seed 1", 3072, 30, 0.4, 0.5),
              outcome("random", "75%", "seed 2", 3072, 40, 0.5, 0.7),
              outcome("random", "75%", "seed 3", 3072, 65, 0.3, 0.6),
              outcome("random", "50%", "seed 1", 2048, 1234.5, 0.25, 3)));

  @Test
  void theOriginalComesFirstAndThenBudgetByBudget() {
    assertThat(ComparisonTable.markdown(REPORT))
        .isEqualTo(
            """
            `models/tiny`, calibrated on math, evaluated on math (1,000 tokens), questions (10 questions); moepress 1.

            | candidate | budget | size | perplexity, math | accuracy, questions | KL divergence | planning, s | evaluating, s |
            |---|---|---:|---:|---:|---:|---:|---:|
            | original |  | 4.0 KiB | 10.00 | 0.700 | – | – | 1.5 |
            | `good` | 75% | 3.0 KiB | **12.00** | **0.700** | **0.100** | 0.5 | 1.5 |
            | `even` | 75% | 3.0 KiB | 13.00 | **0.700** | 0.200 | 0.5 | 1.5 |
            | `random` | 75% | 3.0 KiB | 45.00 (30.00–65.00) | 0.400 (0.300–0.500) | 0.600 (0.500–0.700) | 0.5 | 1.5 |
            | `good` | 50% | 2.0 KiB | 20.50 | 0.500 | 0.900 | 0.5 | 1.5 |
            | `even` | 50% | failed [1] | – | – | – | – | – |
            | `random` | 50% | 2.0 KiB | 1,235 | 0.250 | 3.000 | 0.5 | 1.5 |

            KL divergence is the mean over all texts, in nats per token. Bold is the best at its budget. `random` is the mean of 3 draws, with the smallest and the largest. Measuring what all candidates share took 2.5 s; planning is what each adds to it.

            [1] even at 50%: too few experts, "really"
            """);
  }

  @Test
  void aTerminalGetsTheSameNumbers() {
    assertThat(ComparisonTable.text(REPORT))
        .contains("candidate  budget", "45.00 (30.00–65.00)", "[1] even at 50%: too few experts")
        .doesNotContain("**", "`");
  }

  @Test
  void theNumbersAreUnroundedAndOneLineEach() {
    List<String> lines = ComparisonTable.csv(REPORT).lines().toList();

    assertThat(lines).hasSize(1 + 1 + 8);
    assertThat(lines.getFirst())
        .endsWith(
            "top-1 agreement,\"perplexity, math\",\"kl divergence, math\",\"accuracy,"
                + " questions\",\"accuracy per character, questions\"");
    assertThat(lines.get(2))
        .isEqualTo("good,75%,,,3,100,3072,0.500,1.500,0.1,0.9,12.0,0.1,0.7,0.8");
    assertThat(lines.get(5)).isEqualTo("even,50%,,\"too few experts, \"\"really\"\"\"");
    assertThat(lines.get(6)).startsWith("random,75%,seed 1,,");
  }

  @Test
  void theChartHasALineForEachCandidateAndABandForLots() {
    Chart chart = ComparisonChart.of(REPORT).orElseThrow();

    assertThat(chart.title()).isEqualTo("Perplexity by size, tiny");
    assertThat(chart.subtitle()).isEqualTo("lower is better; calibrated on math");
    assertThat(chart.unit()).isEqualTo("KiB");
    Chart.Panel panel = chart.panels().getFirst();
    assertThat(panel.title()).isEqualTo("perplexity, math");
    assertThat(panel.original()).isEqualTo(new Chart.Mark(4, 10));
    assertThat(panel.series())
        .containsExactly(
            new Chart.Series("good", List.of(new Chart.Mark(3, 12), new Chart.Mark(2, 20.5))),
            new Chart.Series("even", List.of(new Chart.Mark(3, 13))));
    assertThat(panel.floor())
        .containsExactly(new Chart.Span(3, 30, 45, 65), new Chart.Span(2, 1234.5, 1234.5, 1234.5));
  }

  @Test
  void nothingEvaluatedIsNoChart() {
    ComparisonReport none =
        new ComparisonReport(
            1,
            "moepress 1",
            "models/tiny",
            "sha256:0",
            "transformers",
            List.of(),
            0,
            REPORT.names(),
            REPORT.original(),
            List.of(failed("even", "50%", "too few")));

    assertThat(ComparisonChart.of(none)).isEmpty();
    assertThat(ComparisonTable.markdown(none))
        .startsWith("`models/tiny`, without calibration, ")
        .contains("| `even` | 50% | failed [1] |");
  }

  private static Outcome failed(String name, String budget, String reason) {
    return new Outcome(name, budget, budget, "", reason, null, null, 0, 0, null);
  }

  private static Outcome outcome(
      String name,
      String budget,
      String draw,
      long bytes,
      double perplexity,
      double accuracy,
      double divergence) {
    Evaluation.Comparison distance =
        name.equals("original") ? null : new Evaluation.Comparison(divergence, 0.9);
    Evaluation evaluation =
        new Evaluation(
            List.of(new Evaluation.CorpusScore("m.jsonl", 5, 1000, 1, perplexity, distance)),
            List.of(new Evaluation.ChoiceScore("q.jsonl", 10, 7, accuracy, 0.8)),
            distance);
    Plan.Size size = new Plan.Size((int) (bytes / 1024), 100, bytes);
    return new Outcome(name, budget, budget, draw, null, "sha256:1", size, 0.5, 1.5, evaluation);
  }
}
