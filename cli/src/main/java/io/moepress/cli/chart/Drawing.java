package io.moepress.cli.chart;

import java.util.ArrayList;
import java.util.List;

/// A picture as a list of shapes, from the back to the front. Coordinates are pixels from the upper
/// left corner.
///
/// @param width in pixels
/// @param height in pixels
/// @param title what a reader who cannot see it is told
public record Drawing(int width, int height, String title, List<Shape> shapes) {

  public Drawing {
    shapes = List.copyOf(shapes);
  }

  /// A shape.
  public sealed interface Shape permits Path, Circle, Text {}

  /// A place.
  public record Point(double x, double y) {}

  /// Straight lines through some points.
  ///
  /// @param closed whether the last point is joined to the first
  public record Path(List<Point> points, boolean closed, Ink ink) implements Shape {
    public Path {
      points = List.copyOf(points);
    }
  }

  /// A circle.
  public record Circle(Point centre, double radius, Ink ink) implements Shape {}

  /// A line of text.
  ///
  /// @param at where its base line begins, has its middle, or ends
  public record Text(Point at, String text, Anchor anchor, Letters letters) implements Shape {}

  /// What letters look like.
  ///
  /// @param size their height, in pixels
  public record Letters(double size, Weight weight, Colour colour) {}

  /// Which point of a text is given.
  public enum Anchor {
    START,
    MIDDLE,
    END
  }

  /// How heavy letters are.
  public enum Weight {
    NORMAL,
    BOLD
  }

  /// A colour.
  ///
  /// @param rgb red, green and blue, 8 bits each
  /// @param opacity 0 for nothing to 1 for opaque
  public record Colour(int rgb, double opacity) {
    /// Not painted.
    static final Colour NONE = new Colour(0, 0);

    /// An opaque colour.
    static Colour of(int rgb) {
      return new Colour(rgb, 1);
    }
  }

  /// How a shape is painted.
  ///
  /// @param fill inside
  /// @param line its edge
  /// @param width of the line
  /// @param dashes lengths of dashes and gaps in turn; empty for an unbroken line
  public record Ink(Colour fill, Colour line, double width, List<Double> dashes) {
    public Ink {
      dashes = List.copyOf(dashes);
    }

    /// Filled, without an edge.
    static Ink filled(Colour colour) {
      return new Ink(colour, Colour.NONE, 0, List.of());
    }

    /// A line, unbroken.
    static Ink line(Colour colour, double width) {
      return new Ink(Colour.NONE, colour, width, List.of());
    }

    /// The same with a broken line.
    Ink dashed(double dash, double gap) {
      return new Ink(fill, line, width, List.of(dash, gap));
    }
  }

  /// Collects shapes.
  static final class Builder {
    private final List<Shape> shapes = new ArrayList<>();

    Builder add(Shape shape) {
      shapes.add(shape);
      return this;
    }

    Builder line(double x1, double y1, double x2, double y2, Ink ink) {
      return add(new Path(List.of(new Point(x1, y1), new Point(x2, y2)), false, ink));
    }

    Builder box(double x, double y, double width, double height, Ink ink) {
      List<Point> corners =
          List.of(
              new Point(x, y),
              new Point(x + width, y),
              new Point(x + width, y + height),
              new Point(x, y + height));
      return add(new Path(corners, true, ink));
    }

    Drawing drawing(int width, int height, String title) {
      return new Drawing(width, height, title, shapes);
    }
  }
}
