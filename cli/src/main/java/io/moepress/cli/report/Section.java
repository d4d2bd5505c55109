package io.moepress.cli.report;

/// A part of the page.
interface Section {
  /// Its heading.
  String title();

  /// Whether a run has something to show here.
  boolean isIn(RunFiles run);

  /// Writes what is below the heading.
  void write(RunFiles run, Html html);
}
