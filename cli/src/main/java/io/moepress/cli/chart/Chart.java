package io.moepress.cli.chart;

import java.util.List;

/// What a chart shows: panels of the same series side by side, each over the same horizontal axis.
///
/// @param title what it is about
/// @param subtitle how to read it
/// @param unit of the horizontal axis, such as `MiB`
/// @param panels in the order of reading; at least one
public record Chart(String title, String subtitle, String unit, List<Panel> panels) {

  public Chart {
    panels = List.copyOf(panels);
  }

  /// One panel.
  ///
  /// @param title what it measures
  /// @param original where the original is: a dashed line
  /// @param floor the grey band, by x; may be empty
  /// @param series one for each name in the legend, the same in all panels
  public record Panel(String title, Mark original, List<Span> floor, List<Series> series) {
    public Panel {
      floor = List.copyOf(floor);
      series = List.copyOf(series);
    }
  }

  /// A line.
  ///
  /// @param marks by x; may be empty
  public record Series(String name, List<Mark> marks) {
    public Series {
      marks = List.copyOf(marks);
    }
  }

  /// A point.
  public record Mark(double x, double y) {}

  /// A range of values.
  public record Span(double x, double low, double mean, double high) {}
}
