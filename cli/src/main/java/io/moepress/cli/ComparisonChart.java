package io.moepress.cli;

import io.moepress.cli.ComparisonReport.Outcome;
import io.moepress.cli.ComparisonTable.Row;
import io.moepress.cli.chart.Chart;
import io.moepress.cli.chart.Chart.Mark;
import io.moepress.cli.chart.Chart.Panel;
import io.moepress.cli.chart.Chart.Series;
import io.moepress.cli.chart.Chart.Span;
import io.moepress.cli.chart.SizeUnit;
import io.moepress.recipes.evaluation.Evaluation;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.ToDoubleFunction;

/// A comparison as a chart: a panel for each file of texts, perplexity over size, a line for each
/// candidate; where there are only questions, their accuracy.
final class ComparisonChart {
  private final ComparisonReport report;
  private final List<Row> rows;
  private final SizeUnit unit;

  private ComparisonChart(ComparisonReport report) {
    this.report = report;
    this.rows = Row.of(report).stream().filter(row -> !row.evaluated().isEmpty()).toList();
    this.unit = SizeUnit.of(Objects.requireNonNull(report.original().size()).bytes());
  }

  /// The chart; none when nothing was evaluated but the original.
  static Optional<Chart> of(ComparisonReport report) {
    ComparisonChart chart = new ComparisonChart(report);
    return chart.rows.isEmpty() ? Optional.empty() : Optional.of(chart.chart());
  }

  private Chart chart() {
    Evaluation original = evaluation(report.original());
    List<Panel> panels = new ArrayList<>();
    boolean texts = !original.corpora().isEmpty();
    int files = texts ? original.corpora().size() : original.choices().size();
    for (int i = 0; i < files; i++) {
      int index = i;
      panels.add(
          texts
              ? panel(
                  "perplexity, " + report.name(original.corpora().get(i).file()),
                  it -> evaluation(it).corpora().get(index).perplexity())
              : panel(
                  "accuracy, " + report.name(original.choices().get(i).file()),
                  it -> evaluation(it).choices().get(index).accuracy()));
    }
    Path name = Path.of(report.model()).getFileName();
    String measure = texts ? "Perplexity" : "Accuracy";
    String subtitle =
        (texts ? "lower is better" : "higher is better")
            + (report.calibration().isEmpty()
                ? ""
                : "; calibrated on " + String.join(", ", report.calibration()));
    return new Chart(measure + " by size, " + name, subtitle, unit.name(), panels);
  }

  private Panel panel(String title, ToDoubleFunction<Outcome> value) {
    List<Series> series = new ArrayList<>();
    rows.stream()
        .filter(row -> !row.isDrawn())
        .map(Row::name)
        .distinct()
        .forEach(name ->
            series.add(
                new Series(
                    name,
                    rows.stream()
                        .filter(row -> row.name().equals(name))
                        .map(row -> mark(row.evaluated().getFirst(), value))
                        .filter(mark -> Double.isFinite(mark.y()))
                        .toList())));
    List<Span> floor =
        rows.stream()
            .filter(Row::isDrawn)
            .map(row -> span(row, value))
            .filter(span -> Double.isFinite(span.high()))
            .toList();
    return new Panel(title, mark(report.original(), value), floor, series);
  }

  private Mark mark(Outcome outcome, ToDoubleFunction<Outcome> value) {
    return new Mark(size(outcome), value.applyAsDouble(outcome));
  }

  private Span span(Row row, ToDoubleFunction<Outcome> value) {
    double[] values = row.evaluated().stream().mapToDouble(value).sorted().toArray();
    return new Span(
        size(row.evaluated().getFirst()),
        values[0],
        Arrays.stream(values).average().orElseThrow(),
        values[values.length - 1]);
  }

  private double size(Outcome outcome) {
    return Objects.requireNonNull(outcome.size()).bytes() / unit.bytes();
  }

  private static Evaluation evaluation(Outcome outcome) {
    return Objects.requireNonNull(outcome.evaluation());
  }
}
