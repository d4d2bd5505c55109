package io.moepress.cli.chart;

import io.moepress.cli.chart.Drawing.Circle;
import io.moepress.cli.chart.Drawing.Colour;
import io.moepress.cli.chart.Drawing.Ink;
import io.moepress.cli.chart.Drawing.Path;
import io.moepress.cli.chart.Drawing.Point;
import io.moepress.cli.chart.Drawing.Shape;
import io.moepress.cli.chart.Drawing.Text;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Path2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import javax.imageio.ImageIO;

/// Paints a drawing with Java's own graphics, twice as fine as its pixels, as screens are today.
///
/// Java needs the fonts of the system for letters, and many a container has none. The classes of
/// its graphics are loaded when a picture is painted, and not before.
public final class Png {
  private static final int SCALE = 2;

  private Png() {}

  /// This Java cannot paint.
  public static final class UnpaintableException extends Exception {
    private static final long serialVersionUID = 1L;

    UnpaintableException(Throwable cause) {
      super("this Java finds no fonts (" + cause.getMessage() + ")", cause);
    }
  }

  /// The bytes of the file.
  ///
  /// @throws UnpaintableException when this Java has no fonts
  public static byte[] bytes(Drawing drawing) throws UnpaintableException, InterruptedException {
    System.setProperty("java.awt.headless", "true");
    // What Java throws when it has no fonts depends on what is missing, and most of it is no
    // exception: a task catches it all.
    FutureTask<byte[]> painting = new FutureTask<>(() -> paint(drawing));
    painting.run();
    try {
      return painting.get();
    } catch (ExecutionException e) {
      throw new UnpaintableException(e.getCause() == null ? e : e.getCause());
    }
  }

  private static byte[] paint(Drawing drawing) throws IOException {
    BufferedImage image =
        new BufferedImage(
            SCALE * drawing.width(), SCALE * drawing.height(), BufferedImage.TYPE_INT_RGB);
    Graphics2D canvas = image.createGraphics();
    try {
      canvas.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
      canvas.setRenderingHint(
          RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
      canvas.setRenderingHint(
          RenderingHints.KEY_FRACTIONALMETRICS, RenderingHints.VALUE_FRACTIONALMETRICS_ON);
      canvas.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
      canvas.scale(SCALE, SCALE);
      drawing.shapes().forEach(shape -> paint(canvas, shape));
    } finally {
      canvas.dispose();
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    ImageIO.write(image, "png", bytes);
    return bytes.toByteArray();
  }

  private static void paint(Graphics2D canvas, Shape shape) {
    switch (shape) {
      case Path path -> paint(canvas, outline(path), path.ink());
      case Circle circle -> {
        double radius = circle.radius();
        Point centre = circle.centre();
        paint(
            canvas,
            new Ellipse2D.Double(centre.x() - radius, centre.y() - radius, 2 * radius, 2 * radius),
            circle.ink());
      }
      case Text text -> paint(canvas, text);
    }
  }

  private static java.awt.Shape outline(Path path) {
    Path2D.Double outline = new Path2D.Double();
    List<Point> points = path.points();
    outline.moveTo(points.getFirst().x(), points.getFirst().y());
    points.stream().skip(1).forEach(point -> outline.lineTo(point.x(), point.y()));
    if (path.closed()) {
      outline.closePath();
    }
    return outline;
  }

  private static void paint(Graphics2D canvas, java.awt.Shape shape, Ink ink) {
    if (ink.fill().opacity() > 0) {
      canvas.setColor(colour(ink.fill()));
      canvas.fill(shape);
    }
    if (ink.line().opacity() > 0) {
      canvas.setColor(colour(ink.line()));
      canvas.setStroke(stroke(ink));
      canvas.draw(shape);
    }
  }

  private static BasicStroke stroke(Ink ink) {
    float width = (float) ink.width();
    if (ink.dashes().isEmpty()) {
      return new BasicStroke(width, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND);
    }
    float[] dashes = new float[ink.dashes().size()];
    for (int i = 0; i < dashes.length; i++) {
      dashes[i] = ink.dashes().get(i).floatValue();
    }
    return new BasicStroke(width, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND, 1, dashes, 0);
  }

  private static void paint(Graphics2D canvas, Text text) {
    int style =
        switch (text.letters().weight()) {
          case NORMAL -> Font.PLAIN;
          case BOLD -> Font.BOLD;
        };
    canvas.setFont(new Font(Font.SANS_SERIF, style, 1).deriveFont((float) text.letters().size()));
    canvas.setColor(colour(text.letters().colour()));
    double width = canvas.getFontMetrics().getStringBounds(text.text(), canvas).getWidth();
    double left =
        switch (text.anchor()) {
          case START -> 0;
          case MIDDLE -> width / 2;
          case END -> width;
        };
    canvas.drawString(text.text(), (float) (text.at().x() - left), (float) text.at().y());
  }

  private static Color colour(Colour colour) {
    int rgb = colour.rgb();
    return new Color(
        rgb >> 16 & 0xff, rgb >> 8 & 0xff, rgb & 0xff, (int) Math.round(255 * colour.opacity()));
  }
}
