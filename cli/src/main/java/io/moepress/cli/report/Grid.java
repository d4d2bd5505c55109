package io.moepress.cli.report;

import java.util.List;

/// Layers × experts as small squares. Shape and colour say different things, so that neither has to
/// say both, and a print without colours can be read.
///
/// @param title what a reader who cannot see it is told
/// @param rows by layer
record Grid(String title, List<Row> rows) {
  private static final int LEFT = 34;
  private static final int TOP = 18;
  private static final int WIDTH = 900;
  private static final int LARGEST = 18;
  private static final int SMALLEST = 6;
  private static final int NARROW = 10;

  Grid {
    rows = List.copyOf(rows);
  }

  /// A layer.
  record Row(int layer, List<Cell> cells) {
    Row {
      cells = List.copyOf(cells);
    }
  }

  /// An expert.
  ///
  /// @param colour a class of the style sheet
  /// @param about what is said of it
  record Cell(Fate fate, String colour, String about) {}

  void write(Html html) {
    int experts = rows.stream().mapToInt(row -> row.cells().size()).max().orElse(0);
    int side = Math.clamp((WIDTH - LEFT) / Math.max(1, experts), SMALLEST, LARGEST);
    int width = LEFT + experts * side + 2;
    int height = TOP + rows.size() * side + 2;
    html.open("div", "class", "scroll")
        .open(
            "svg",
            "viewBox",
            "0 0 " + width + " " + height,
            "width",
            "" + width,
            "height",
            "" + height,
            "role",
            "img")
        .element("title", title);
    int step = side < NARROW ? 16 : 8;
    for (int expert = 0; expert < experts; expert += step) {
      label(html, LEFT + expert * side + side / 2.0, TOP - 6, "middle", "" + expert);
    }
    for (int i = 0; i < rows.size(); i++) {
      int top = TOP + i * side;
      label(html, LEFT - 6, top + side / 2.0 + 3.5, "end", "" + rows.get(i).layer());
      for (int expert = 0; expert < rows.get(i).cells().size(); expert++) {
        cell(html, rows.get(i).cells().get(expert), new Box(LEFT + expert * side, top, side));
      }
    }
    html.close().close();
  }

  /// A square on the page.
  private record Box(int left, int top, int side) {}

  private static void label(Html html, double x, double y, String anchor, String text) {
    html.element("text", text, "x", "" + x, "y", "" + y, "text-anchor", anchor);
  }

  private static void cell(Html html, Cell cell, Box box) {
    html.open("path", "class", cell.colour() + ring(cell.fate()), "d", outline(cell.fate(), box))
        .element("title", cell.about())
        .close();
  }

  private static String ring(Fate fate) {
    return fate == Fate.PROTECTED ? " ring" : "";
  }

  /// The sign of a fate: a square, a diamond, a small square.
  private static String outline(Fate fate, Box box) {
    double middle = box.side() / 2.0;
    double x = box.left() + middle;
    double y = box.top() + middle;
    return switch (fate) {
      case KEPT -> square(x, y, middle - 0.5);
      case PROTECTED -> square(x, y, middle - 1.5);
      case DROPPED -> square(x, y, middle * 0.42);
      case MERGED -> {
        double arm = middle - 0.5;
        yield "M" + (x - arm) + " " + y + "l" + arm + " -" + arm + " " + arm + " " + arm + " -"
            + arm + " " + arm + "z";
      }
    };
  }

  private static String square(double x, double y, double half) {
    return "M"
        + (x - half)
        + " "
        + (y - half)
        + "h"
        + 2 * half
        + "v"
        + 2 * half
        + "h"
        + -2 * half
        + "z";
  }

  /// The four signs with their names.
  static void legend(Html html, List<Fate> fates) {
    for (Fate fate : fates) {
      html.open("span", "class", "key")
          .open("svg", "viewBox", "0 0 14 14", "width", "14", "height", "14")
          .empty("path", "class", "u5" + ring(fate), "d", outline(fate, new Box(0, 0, 14)))
          .close()
          .text(" " + fate.label())
          .close();
    }
  }

  /// Colours with their names.
  static void colours(Html html, String prefix, List<String> names) {
    for (int i = 0; i < names.size(); i++) {
      html.open("span", "class", "key")
          .open("svg", "viewBox", "0 0 14 14", "width", "14", "height", "14")
          .empty("path", "class", prefix + i, "d", outline(Fate.KEPT, new Box(0, 0, 14)))
          .close()
          .text(" " + names.get(i))
          .close();
    }
  }
}
