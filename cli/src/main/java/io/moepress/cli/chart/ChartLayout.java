package io.moepress.cli.chart;

import io.moepress.cli.chart.Chart.Mark;
import io.moepress.cli.chart.Chart.Panel;
import io.moepress.cli.chart.Chart.Series;
import io.moepress.cli.chart.Chart.Span;
import io.moepress.cli.chart.Drawing.Anchor;
import io.moepress.cli.chart.Drawing.Ink;
import io.moepress.cli.chart.Drawing.Letters;
import io.moepress.cli.chart.Drawing.Path;
import io.moepress.cli.chart.Drawing.Point;
import io.moepress.cli.chart.Drawing.Text;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.stream.DoubleStream;

/// Lays a chart out: title, two panels in a row, and one legend beside them.
public final class ChartLayout {
  private static final int WIDTH = 1000;
  private static final int MARGIN = 28;
  private static final int HEAD = 74;
  private static final int LEGEND = 220;
  private static final int ROW = 284;
  private static final int SINGLE_ROW = 400;
  private static final int LEGEND_LINE = 24;
  private static final int LINE_OF_TEXT = 15;
  private static final int LETTERS_IN_LEGEND = 22;
  private static final int TICKS = 5;

  private final Chart chart;
  private final Drawing.Builder drawing = new Drawing.Builder();
  private final int columns;
  private final int rowHeight;
  private final boolean logarithmic;

  private ChartLayout(Chart chart) {
    this.chart = chart;
    this.columns = Math.min(2, chart.panels().size());
    this.rowHeight = chart.panels().size() > 1 ? ROW : SINGLE_ROW;
    // All panels or none, so that they can be compared.
    this.logarithmic =
        chart.panels().stream().map(Range::of).allMatch(range -> range.smallest() > 0)
            && chart.panels().stream()
                .map(Range::of)
                .anyMatch(range -> Axis.isWide(range.smallest(), range.largest()));
  }

  /// The picture of a chart.
  public static Drawing of(Chart chart) {
    return new ChartLayout(chart).draw();
  }

  private Drawing draw() {
    int rows = Math.ceilDiv(chart.panels().size(), columns);
    int height = Math.max(HEAD + rows * rowHeight + MARGIN / 2, legendHeight());
    drawing.box(0, 0, WIDTH, height, Ink.filled(Palette.PAPER));
    text(MARGIN, 36, chart.title(), Anchor.START, Palette.TITLE);
    String scale = logarithmic ? "; logarithmic scale" : "";
    text(MARGIN, 57, chart.subtitle() + scale, Anchor.START, Palette.SUBTITLE);
    double cell = (WIDTH - MARGIN - LEGEND) / (double) columns;
    for (int i = 0; i < chart.panels().size(); i++) {
      int row = i / columns;
      double left = MARGIN + i % columns * cell;
      double top = HEAD + (double) row * rowHeight;
      new Plot(chart.panels().get(i), new Frame(left + 44, top + 28, cell - 68, rowHeight - 82))
          .draw();
    }
    legend();
    return drawing.drawing(WIDTH, height, chart.title());
  }

  /// The values of a panel.
  private record Range(double smallest, double largest) {
    static Range of(Panel panel) {
      DoubleStream.Builder values = DoubleStream.builder();
      values.add(panel.original().y());
      panel.series().forEach(series -> series.marks().forEach(mark -> values.add(mark.y())));
      panel.floor().forEach(span -> values.add(span.low()).add(span.high()));
      DoubleSummaryStatistics all = values.build().summaryStatistics();
      return new Range(all.getMin(), all.getMax());
    }
  }

  /// Where a panel's values are drawn.
  private record Frame(double left, double top, double width, double height) {
    double right() {
      return left + width;
    }

    double bottom() {
      return top + height;
    }
  }

  // The legend.

  private List<String> names() {
    return chart.panels().getFirst().series().stream().map(Series::name).toList();
  }

  private boolean hasFloor() {
    return chart.panels().stream().anyMatch(panel -> !panel.floor().isEmpty());
  }

  private int legendHeight() {
    int lines = names().stream().mapToInt(name -> lines(name).size()).sum();
    return HEAD + 28 + (names().size() + 2) * LEGEND_LINE + lines * LINE_OF_TEXT + MARGIN;
  }

  private void legend() {
    double x = WIDTH - LEGEND + 12.0;
    double y = HEAD + 34.0;
    drawing.line(x, y, x + 24, y, originalInk());
    entry(x, y, "original");
    y += LEGEND_LINE;
    for (int i = 0; i < names().size(); i++) {
      drawing.line(x, y, x + 24, y, Palette.line(i)).add(Palette.mark(i, new Point(x + 12, y)));
      y = entry(x, y, names().get(i)) + LEGEND_LINE;
    }
    if (hasFloor()) {
      drawing.box(x, y - 6, 24, 12, Ink.filled(Palette.BAND));
      drawing.line(x, y, x + 24, y, floorInk());
      entry(x, y, "random (mean, range)");
    }
  }

  /// @return where its last line is
  private double entry(double x, double y, String name) {
    List<String> lines = lines(name);
    for (int i = 0; i < lines.size(); i++) {
      double below = y + (double) i * LINE_OF_TEXT;
      text(x + 32, below + 4, lines.get(i), Anchor.START, Palette.NAME);
    }
    return y + (lines.size() - 1.0) * LINE_OF_TEXT;
  }

  /// A name, broken at its blanks where it is too long for the legend.
  static List<String> lines(String name) {
    List<String> lines = new ArrayList<>();
    StringBuilder line = new StringBuilder();
    for (String word : name.split(" ", -1)) {
      if (!line.isEmpty() && line.length() + 1 + word.length() > LETTERS_IN_LEGEND) {
        lines.add(line.toString());
        line.setLength(0);
      }
      line.append(line.isEmpty() ? "" : " ").append(word);
    }
    lines.add(line.toString());
    return lines;
  }

  private static Ink originalInk() {
    return Ink.line(Palette.TEXT, 1.4).dashed(5, 4);
  }

  private static Ink floorInk() {
    return Ink.line(Palette.BAND_LINE, 1.6);
  }

  private void text(double x, double y, String text, Anchor anchor, Letters letters) {
    drawing.add(new Text(new Point(x, y), text, anchor, letters));
  }

  /// One panel.
  private final class Plot {
    private static final double HALF_BAR = 7;

    private final Panel panel;
    private final Frame frame;
    private final Axis across;
    private final Axis up;

    Plot(Panel panel, Frame frame) {
      this.panel = panel;
      this.frame = frame;
      // The original is a line; its size would only push the others together.
      DoubleStream.Builder sizes = DoubleStream.builder();
      panel.series().forEach(series -> series.marks().forEach(mark -> sizes.add(mark.x())));
      panel.floor().forEach(span -> sizes.add(span.x()));
      DoubleSummaryStatistics x = sizes.build().summaryStatistics();
      this.across = Axis.linear(x.getMin(), x.getMax(), TICKS);
      Range range = Range.of(panel);
      this.up =
          logarithmic
              ? Axis.logarithmic(range.smallest(), range.largest())
              : Axis.linear(range.smallest(), range.largest(), TICKS);
    }

    private double x(double value) {
      return frame.left() + across.position(value) * frame.width();
    }

    private double y(double value) {
      return frame.bottom() - up.position(value) * frame.height();
    }

    private Point point(Mark mark) {
      return new Point(x(mark.x()), y(mark.y()));
    }

    void draw() {
      grid();
      floor();
      double level = y(panel.original().y());
      drawing.line(frame.left(), level, frame.right(), level, originalInk());
      for (int i = 0; i < panel.series().size(); i++) {
        series(i, panel.series().get(i));
      }
    }

    private void grid() {
      text(frame.left() - 44, frame.top() - 12, panel.title(), Anchor.START, Palette.HEADING);
      for (double tick : up.ticks()) {
        double y = y(tick);
        drawing.line(frame.left(), y, frame.right(), y, Ink.line(Palette.GRID, 1));
        small(frame.left() - 8, y + 4, up.label(tick), Anchor.END);
      }
      drawing.line(
          frame.left(), frame.bottom(), frame.right(), frame.bottom(), Ink.line(Palette.AXIS, 1));
      for (double tick : across.ticks()) {
        double x = x(tick);
        drawing.line(x, frame.bottom(), x, frame.bottom() + 4, Ink.line(Palette.AXIS, 1));
        small(x, frame.bottom() + 18, across.label(tick), Anchor.MIDDLE);
      }
      small(frame.right(), frame.bottom() + 34, "size in " + chart.unit(), Anchor.END);
    }

    private void small(double x, double y, String text, Anchor anchor) {
      text(x, y, text, anchor, Palette.NUMBER);
    }

    private void floor() {
      List<Span> spans =
          panel.floor().stream().sorted(Comparator.comparingDouble(Span::x)).toList();
      if (spans.isEmpty()) {
        return;
      }
      List<Point> edge = new ArrayList<>();
      List<Point> means = new ArrayList<>();
      for (Span span : spans) {
        for (double shift : shifts(spans)) {
          edge.add(new Point(x(span.x()) + shift, y(span.high())));
          means.add(new Point(x(span.x()) + shift, y(span.mean())));
        }
      }
      for (Span span : spans.reversed()) {
        for (double shift : shifts(spans)) {
          edge.add(new Point(x(span.x()) - shift, y(span.low())));
        }
      }
      drawing.add(new Path(edge, true, Ink.filled(Palette.BAND)));
      drawing.add(new Path(means, false, floorInk()));
    }

    /// A band at one place only is drawn as a bar.
    private double[] shifts(List<Span> spans) {
      return spans.size() > 1 ? new double[] {0} : new double[] {-HALF_BAR, HALF_BAR};
    }

    private void series(int index, Series series) {
      List<Point> points =
          series.marks().stream()
              .sorted(Comparator.comparingDouble(Mark::x))
              .map(this::point)
              .toList();
      if (points.size() > 1) {
        drawing.add(new Path(points, false, Palette.line(index)));
      }
      points.forEach(point -> drawing.add(Palette.mark(index, point)));
    }
  }
}
