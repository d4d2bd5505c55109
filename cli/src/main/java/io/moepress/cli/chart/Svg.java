package io.moepress.cli.chart;

import io.moepress.cli.chart.Drawing.Circle;
import io.moepress.cli.chart.Drawing.Colour;
import io.moepress.cli.chart.Drawing.Ink;
import io.moepress.cli.chart.Drawing.Path;
import io.moepress.cli.chart.Drawing.Shape;
import io.moepress.cli.chart.Drawing.Text;
import io.moepress.formats.Checks;
import java.util.Locale;
import java.util.stream.Collectors;

/// Writes a drawing as SVG 1.1. Letters stay letters, so a reader's own font shows them and they
/// can be searched; nothing of Java's graphics is needed, so it works on any machine.
public final class Svg {
  private static final String FONT =
      "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";

  private Svg() {}

  /// The text of the file.
  public static String text(Drawing drawing) {
    StringBuilder svg = new StringBuilder();
    svg.append("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"")
        .append(drawing.width())
        .append("\" height=\"")
        .append(drawing.height())
        .append("\" viewBox=\"0 0 ")
        .append(drawing.width() + " " + drawing.height())
        .append("\" role=\"img\" font-family=\"" + FONT + "\">\n<title>")
        .append(escaped(drawing.title()))
        .append("</title>\n");
    drawing.shapes().forEach(shape -> svg.append(shape(shape)).append('\n'));
    return svg.append("</svg>\n").toString();
  }

  private static String shape(Shape shape) {
    return switch (shape) {
      case Path path -> path(path);
      case Circle circle ->
          Checks.text(
              "<circle cx=\"%s\" cy=\"%s\" r=\"%s\"%s/>",
              number(circle.centre().x()),
              number(circle.centre().y()),
              number(circle.radius()),
              ink(circle.ink()));
      case Text text ->
          Checks.text(
              "<text x=\"%s\" y=\"%s\" font-size=\"%s\"%s%s%s>%s</text>",
              number(text.at().x()),
              number(text.at().y()),
              number(text.letters().size()),
              switch (text.anchor()) {
                case START -> "";
                case MIDDLE -> " text-anchor=\"middle\"";
                case END -> " text-anchor=\"end\"";
              },
              switch (text.letters().weight()) {
                case NORMAL -> "";
                case BOLD -> " font-weight=\"600\"";
              },
              colour("fill", text.letters().colour()),
              escaped(text.text()));
    };
  }

  private static String path(Path path) {
    String points =
        path.points().stream()
            .map(point -> number(point.x()) + "," + number(point.y()))
            .collect(Collectors.joining(" "));
    return "<"
        + (path.closed() ? "polygon" : "polyline")
        + " points=\""
        + points
        + "\""
        + ink(path.ink())
        + "/>";
  }

  private static String ink(Ink ink) {
    StringBuilder attributes = new StringBuilder(colour("fill", ink.fill()));
    if (ink.line().opacity() > 0) {
      attributes
          .append(colour("stroke", ink.line()))
          .append(" stroke-width=\"" + number(ink.width()) + "\"")
          .append(" stroke-linejoin=\"round\" stroke-linecap=\"round\"");
    }
    if (!ink.dashes().isEmpty()) {
      attributes
          .append(" stroke-dasharray=\"")
          .append(ink.dashes().stream().map(Svg::number).collect(Collectors.joining(" ")))
          .append("\"");
    }
    return attributes.toString();
  }

  private static String colour(String attribute, Colour colour) {
    if (colour.opacity() == 0) {
      return " " + attribute + "=\"none\"";
    }
    String opaque = Checks.text(" %s=\"#%06x\"", attribute, colour.rgb());
    return colour.opacity() == 1
        ? opaque
        : opaque + " " + attribute + "-opacity=\"" + number(colour.opacity()) + "\"";
  }

  /// A tenth of a pixel is enough for the eye.
  private static String number(double value) {
    String text = String.format(Locale.ROOT, "%.2f", value);
    return text.replaceAll("\\.?0+$", "");
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }
}
