package io.moepress.cli;

import io.moepress.cli.ComparisonReport.Outcome;
import io.moepress.formats.Checks;
import io.moepress.recipes.evaluation.Evaluation;
import io.moepress.recipes.evaluation.Evaluation.ChoiceScore;
import io.moepress.recipes.evaluation.Evaluation.CorpusScore;
import io.moepress.recipes.recipe.ByteSize;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// A comparison as a table: the original first, then budget by budget. Drawn lots are one row.
final class ComparisonTable {
  private static final String NOTHING = "–";
  private static final double LARGE = 1000;

  private final ComparisonReport report;
  private final List<Row> rows;
  private final List<Column> columns = new ArrayList<>();
  private final List<String> notes = new ArrayList<>();

  private ComparisonTable(ComparisonReport report) {
    this.report = report;
    this.rows = Row.of(report);
    Evaluation original = Objects.requireNonNull(report.original().evaluation());
    for (int i = 0; i < original.corpora().size(); i++) {
      int index = i;
      columns.add(
          new Column(
              "perplexity, " + name(original.corpora().get(i).file()),
              Column.Kind.PERPLEXITY,
              it -> evaluation(it).corpora().get(index).perplexity()));
    }
    for (int i = 0; i < original.choices().size(); i++) {
      int index = i;
      columns.add(
          new Column(
              "accuracy, " + name(original.choices().get(i).file()),
              Column.Kind.ACCURACY,
              it -> evaluation(it).choices().get(index).accuracy()));
    }
    if (!original.corpora().isEmpty()) {
      columns.add(new Column("KL divergence", Column.Kind.DIVERGENCE, ComparisonTable::divergence));
    }
    columns.add(new Column(Column.PLANNING, Column.Kind.SECONDS, Outcome::planSeconds));
    columns.add(new Column("evaluating, s", Column.Kind.SECONDS, Outcome::evaluationSeconds));
  }

  /// A line of the table: one candidate at one budget.
  ///
  /// @param outcomes several where lots were drawn
  record Row(String name, String setting, String budget, List<Outcome> outcomes) {
    Row {
      outcomes = List.copyOf(outcomes);
    }

    /// The rows, grouped by what the comparison varies, in the order in which that first appears.
    static List<Row> of(ComparisonReport report) {
      List<Row> rows = new ArrayList<>();
      List<String> settings =
          report.candidates().stream().map(Outcome::setting).distinct().toList();
      for (String setting : settings) {
        report.candidates().stream()
            .filter(it -> it.setting().equals(setting))
            .collect(
                Collectors.groupingBy(
                    it -> List.of(it.name(), it.budget()), LinkedHashMap::new, Collectors.toList()))
            .forEach((key, group) -> rows.add(new Row(key.get(0), setting, key.get(1), group)));
      }
      return rows;
    }

    /// Those that were evaluated.
    List<Outcome> evaluated() {
      return outcomes.stream().filter(it -> it.evaluation() != null).toList();
    }

    /// Whether lots were drawn.
    boolean isDrawn() {
      return !outcomes.getFirst().draw().isEmpty();
    }
  }

  /// A column of numbers.
  private record Column(String heading, Kind kind, ToDoubleFunction<Outcome> value) {
    static final String PLANNING = "planning, s";

    /// Whether the original has such a number: it is not planned, and no distance from itself.
    boolean isOfOriginal() {
      return kind != Kind.DIVERGENCE && !heading.equals(PLANNING);
    }

    enum Kind {
      PERPLEXITY,
      ACCURACY,
      DIVERGENCE,
      SECONDS
    }

    String number(double number) {
      return switch (kind) {
        case PERPLEXITY -> Checks.text(number < LARGE ? "%.2f" : "%,.0f", number);
        case ACCURACY, DIVERGENCE -> Checks.text("%.3f", number);
        case SECONDS -> Checks.text("%.1f", number);
      };
    }

    /// Mean and range of a row, or its one value.
    String cell(Row row) {
      double[] values = row.evaluated().stream().mapToDouble(value).sorted().toArray();
      if (values.length == 0) {
        return NOTHING;
      }
      String mean = number(Arrays.stream(values).average().orElseThrow());
      return values.length == 1 || kind == Kind.SECONDS
          ? mean
          : mean + " (" + number(values[0]) + "–" + number(values[values.length - 1]) + ")";
    }

    /// The larger, the better.
    double worth(Row row) {
      double sum = row.evaluated().stream().mapToDouble(value).sum();
      return switch (kind) {
        case PERPLEXITY, DIVERGENCE -> -sum;
        case ACCURACY -> sum;
        case SECONDS -> 0;
      };
    }
  }

  /// The table for a terminal.
  static String text(ComparisonReport report) {
    ComparisonTable table = new ComparisonTable(report);
    Table text = Table.ofNumbers();
    table.cells(false).forEach(text::row);
    StringBuilder all = new StringBuilder(text.text());
    table.notes.forEach(note -> all.append(note).append('\n'));
    return all.toString();
  }

  /// The table as Markdown, with a sentence in front and notes behind.
  static String markdown(ComparisonReport report) {
    ComparisonTable table = new ComparisonTable(report);
    StringBuilder text = new StringBuilder(table.introduction()).append("\n\n");
    List<List<String>> cells = table.cells(true);
    for (int i = 0; i < cells.size(); i++) {
      text.append("| ").append(String.join(" | ", cells.get(i))).append(" |\n");
      if (i == 0) {
        text.append("|---|---|").append("---:|".repeat(cells.get(i).size() - 2)).append('\n');
      }
    }
    text.append('\n').append(table.explanation()).append('\n');
    table.notes.forEach(note -> text.append('\n').append(note).append('\n'));
    return text.toString();
  }

  /// All rows, the headings first.
  private List<List<String>> cells(boolean markdown) {
    List<List<String>> cells = new ArrayList<>();
    List<String> head = new ArrayList<>(List.of("candidate", "budget", "size"));
    columns.forEach(column -> head.add(column.heading()));
    cells.add(head);
    Row original = new Row(report.original().name(), "", "", List.of(report.original()));
    cells.add(cells(original, markdown, false));
    rows.forEach(row -> cells.add(cells(row, markdown, true)));
    return cells;
  }

  private List<String> cells(Row row, boolean markdown, boolean competes) {
    String plain = row.name().replace('|', '/').replace('`', '\'');
    String name = markdown && competes ? "`" + plain + "`" : plain;
    List<String> cells = new ArrayList<>(List.of(name, row.budget(), size(row)));
    for (Column column : columns) {
      boolean hasNone = !competes && !column.isOfOriginal();
      String cell = hasNone ? NOTHING : column.cell(row);
      cells.add(markdown && competes && isBest(row, column) ? "**" + cell + "**" : cell);
    }
    return cells;
  }

  private String size(Row row) {
    row.outcomes().stream()
        .filter(it -> it.failure() != null)
        .forEach(
            it -> notes.add("[" + (notes.size() + 1) + "] " + it.title() + ": " + it.failure()));
    if (row.evaluated().isEmpty()) {
      return "failed [" + notes.size() + "]";
    }
    long bytes = Objects.requireNonNull(row.evaluated().getFirst().size()).bytes();
    return new ByteSize(bytes).rounded();
  }

  /// Whether no other candidate is better at the same budget, and there is another.
  private boolean isBest(Row row, Column column) {
    List<Row> rivals =
        rows.stream()
            .filter(other -> other.setting().equals(row.setting()))
            .filter(other -> !other.isDrawn() && !other.evaluated().isEmpty())
            .toList();
    double best = rivals.stream().mapToDouble(column::worth).max().orElse(Double.NaN);
    return column.kind() != Column.Kind.SECONDS
        && rivals.size() > 1
        && rivals.contains(row)
        && column.worth(row) == best;
  }

  private String introduction() {
    Evaluation original = evaluation(report.original());
    Stream<String> texts =
        original.corpora().stream()
            .map(it -> name(it.file()) + Checks.text(" (%,d tokens)", it.tokens()));
    Stream<String> questions =
        original.choices().stream()
            .map(it -> name(it.file()) + Checks.text(" (%,d questions)", it.items()));
    return "`"
        + report.model()
        + "`, "
        + (report.calibration().isEmpty()
            ? "without calibration"
            : "calibrated on " + String.join(", ", report.calibration()))
        + ", evaluated on "
        + Stream.concat(texts, questions).collect(Collectors.joining(", "))
        + "; "
        + report.tool()
        + ".";
  }

  private String explanation() {
    List<String> sentences = new ArrayList<>();
    sentences.add("KL divergence is the mean over all texts, in nats per token.");
    if (rows.stream().anyMatch(row -> !row.isDrawn())) {
      sentences.add("Bold is the best at its budget.");
    }
    rows.stream()
        .filter(Row::isDrawn)
        .findFirst()
        .ifPresent(row ->
            sentences.add(
                "`"
                    + row.name()
                    + "` is the mean of "
                    + row.outcomes().size()
                    + " draws, with the smallest and the largest."));
    sentences.add(
        Checks.text(
            "Measuring what all candidates share took %.1f s; planning is what each adds to it.",
            report.calibrationSeconds()));
    return String.join(" ", sentences);
  }

  private String name(String file) {
    return report.name(file);
  }

  /// The numbers, unrounded, one line for each candidate, budget and draw.
  static String csv(ComparisonReport report) {
    Evaluation original = evaluation(report.original());
    List<String> head =
        new ArrayList<>(
            List.of(
                "candidate",
                "budget",
                "draw",
                "failure",
                "experts",
                "parameters",
                "bytes",
                "planning seconds",
                "evaluating seconds",
                "kl divergence",
                "top-1 agreement"));
    for (CorpusScore score : original.corpora()) {
      String name = report.name(score.file());
      head.addAll(List.of("perplexity, " + name, "kl divergence, " + name));
    }
    for (ChoiceScore score : original.choices()) {
      String name = report.name(score.file());
      head.addAll(List.of("accuracy, " + name, "accuracy per character, " + name));
    }
    StringBuilder text = new StringBuilder(line(head));
    text.append(line(values(report.original())));
    report.candidates().forEach(it -> text.append(line(values(it))));
    return text.toString();
  }

  private static List<String> values(Outcome it) {
    List<String> values = new ArrayList<>();
    values.addAll(List.of(it.name(), it.budget(), it.draw()));
    values.add(Objects.requireNonNullElse(it.failure(), ""));
    if (it.size() == null || it.evaluation() == null) {
      return values;
    }
    values.add("" + it.size().experts());
    values.add("" + it.size().parameters());
    values.add("" + it.size().bytes());
    values.add(Checks.text("%.3f", it.planSeconds()));
    values.add(Checks.text("%.3f", it.evaluationSeconds()));
    Evaluation.Comparison all = it.evaluation().comparison();
    values.add(all == null ? "" : "" + all.klDivergence());
    values.add(all == null ? "" : "" + all.top1Agreement());
    for (CorpusScore score : it.evaluation().corpora()) {
      Evaluation.Comparison own = score.comparison();
      values.add("" + score.perplexity());
      values.add(own == null ? "" : "" + own.klDivergence());
    }
    for (ChoiceScore score : it.evaluation().choices()) {
      values.add("" + score.accuracy());
      values.add("" + score.accuracyNormalized());
    }
    return values;
  }

  private static String line(List<String> values) {
    return values.stream()
            .map(value ->
                value.matches("[^\",\r\n]*") ? value : "\"" + value.replace("\"", "\"\"") + "\"")
            .collect(Collectors.joining(","))
        + "\n";
  }

  private static Evaluation evaluation(Outcome outcome) {
    return Objects.requireNonNull(outcome.evaluation());
  }

  private static double divergence(Outcome outcome) {
    Evaluation.Comparison comparison = evaluation(outcome).comparison();
    return comparison == null ? 0 : comparison.klDivergence();
  }
}
