package io.moepress.cli.report;

import io.moepress.formats.Checks;
import java.util.List;

/// Numbers as bars in a table.
///
/// @param heads what the columns hold; the bars have none
/// @param rows of the table
record Bars(List<String> heads, List<Row> rows) {
  Bars {
    heads = List.copyOf(heads);
    rows = List.copyOf(rows);
  }

  /// A row.
  ///
  /// @param bars from 0 to 1 each, of different colours, one below the other
  record Row(List<String> cells, List<Double> bars) {
    Row {
      cells = List.copyOf(cells);
      bars = List.copyOf(bars);
    }
  }

  void write(Html html) {
    html.open("div", "class", "scroll").open("table", "class", "bars").open("tr");
    heads.forEach(head -> html.element("th", head));
    html.element("th", "").close();
    for (Row row : rows) {
      html.open("tr");
      row.cells().forEach(cell -> html.element("td", cell));
      html.open("td", "class", "bar");
      for (int i = 0; i < row.bars().size(); i++) {
        String width = Checks.text("%.2f", 100 * Math.clamp(row.bars().get(i), 0, 1));
        html.element("div", "", "class", "bar" + i, "style", "width:" + width + "%");
      }
      html.close().close();
    }
    html.close().close();
  }
}
