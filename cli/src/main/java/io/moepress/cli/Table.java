package io.moepress.cli;

import java.util.ArrayList;
import java.util.List;

/// A table of text whose first column stands to the left.
final class Table {
  private static final String GAP = "  ";

  private final boolean numbers;

  private final List<List<String>> rows = new ArrayList<>();

  private Table(boolean numbers) {
    this.numbers = numbers;
  }

  /// A table of numbers, which stand to the right.
  static Table ofNumbers() {
    return new Table(true);
  }

  /// A table of names and what there is to say about them, all to the left.
  static Table ofFacts() {
    return new Table(false);
  }

  Table row(String... cells) {
    rows.add(List.of(cells));
    return this;
  }

  Table row(List<String> cells) {
    rows.add(List.copyOf(cells));
    return this;
  }

  /// The table, one line for each row.
  String text() {
    StringBuilder text = new StringBuilder();
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int column = 0; column < row.size(); column++) {
        String cell = row.get(column);
        String space = " ".repeat(width(column) - cell.length());
        String padded = numbers && column > 0 ? space + cell : cell + space;
        line.append(column == 0 ? "" : GAP).append(padded);
      }
      text.append(line.toString().stripTrailing()).append('\n');
    }
    return text.toString();
  }

  private int width(int column) {
    return rows.stream()
        .filter(row -> row.size() > column)
        .mapToInt(row -> row.get(column).length())
        .max()
        .orElse(0);
  }
}
