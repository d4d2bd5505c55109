package io.moepress.cli.chart;

import io.moepress.cli.chart.Drawing.Circle;
import io.moepress.cli.chart.Drawing.Colour;
import io.moepress.cli.chart.Drawing.Ink;
import io.moepress.cli.chart.Drawing.Letters;
import io.moepress.cli.chart.Drawing.Path;
import io.moepress.cli.chart.Drawing.Point;
import io.moepress.cli.chart.Drawing.Shape;
import io.moepress.cli.chart.Drawing.Weight;
import java.util.ArrayList;
import java.util.List;

/// Colours and marks. The colours of series are those that Okabe and Ito chose to be told apart by
/// colour-blind people; a mark of its own helps where lines cross, and in print.
final class Palette {
  static final Colour PAPER = Colour.of(0xffffff);
  static final Colour TEXT = Colour.of(0x1f2328);
  static final Colour QUIET = Colour.of(0x656d76);
  static final Letters TITLE = new Letters(18, Weight.BOLD, TEXT);
  static final Letters SUBTITLE = new Letters(12.5, Weight.NORMAL, QUIET);
  static final Letters HEADING = new Letters(13, Weight.BOLD, TEXT);
  static final Letters NAME = new Letters(12.5, Weight.NORMAL, TEXT);
  static final Letters NUMBER = new Letters(11.5, Weight.NORMAL, QUIET);
  static final Colour GRID = Colour.of(0xe6e8eb);
  static final Colour AXIS = Colour.of(0xb4bac1);
  static final Colour BAND = new Colour(0x8c959f, 0.28);
  static final Colour BAND_LINE = Colour.of(0x8c959f);

  private static final List<Integer> SERIES =
      List.of(0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7, 0xe69f00, 0x56b4e9, 0x3d3d3d);
  private static final int KINDS = 5;
  private static final double RADIUS = 4.2;

  private Palette() {}

  /// The colour of the series with this index.
  static Colour series(int index) {
    return Colour.of(SERIES.get(index % SERIES.size()));
  }

  /// The line of the series with this index. When the colours begin anew, lines are broken.
  static Ink line(int index) {
    Ink line = Ink.line(series(index), 2);
    return index < SERIES.size() ? line : line.dashed(6, 4);
  }

  /// The mark of the series with this index: circle, square, triangle, diamond, triangle.
  static Shape mark(int index, Point at) {
    Ink ink = new Ink(series(index), PAPER, 1, List.of());
    return switch (index % KINDS) {
      case 0 -> new Circle(at, RADIUS, ink);
      case 1 -> polygon(at, 4, 0.5, 1.15, ink);
      case 2 -> polygon(at, 3, 0, 1.25, ink);
      case 3 -> polygon(at, 4, 0, 1.25, ink);
      default -> polygon(at, 3, 1.5, 1.25, ink);
    };
  }

  /// A regular polygon.
  ///
  /// @param turn by how many of its sides it is turned; 0: a corner points up
  private static Path polygon(Point at, int corners, double turn, double scale, Ink ink) {
    List<Point> points = new ArrayList<>();
    for (int i = 0; i < corners; i++) {
      double angle = 2 * Math.PI * (i + turn) / corners;
      points.add(
          new Point(
              at.x() + scale * RADIUS * Math.sin(angle),
              at.y() - scale * RADIUS * Math.cos(angle)));
    }
    return new Path(points, true, ink);
  }
}
