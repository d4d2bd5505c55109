package io.moepress.cli;

import io.moepress.cli.chart.Chart;
import io.moepress.cli.chart.ChartLayout;
import io.moepress.cli.chart.Drawing;
import io.moepress.cli.chart.Png;
import io.moepress.cli.chart.Svg;
import io.moepress.formats.FormatException;
import io.moepress.formats.checkpoint.Directories;
import io.moepress.formats.checkpoint.StagedDirectory;
import io.moepress.formats.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/// Writes a comparison: table, numbers and chart in one directory, which appears at once.
///
/// @param output the directory
/// @param overwrite whether a comparison that is there may be replaced
record ComparisonFiles(Path output, boolean overwrite) {
  static final String NAME = "comparison";
  private static final String JSON = NAME + ".json";

  /// Refuses, before any work is done, an output that is in the way. What is no comparison, such as
  /// a checkpoint, is never replaced by one.
  void requireFree() throws IOException {
    StagedDirectory.requireFree(output, overwrite);
    boolean replaces = Files.isDirectory(output) && !Directories.isEmpty(output);
    if (replaces && !Files.isRegularFile(output.resolve(JSON))) {
      throw FormatException.of(
          "%s: holds no %s (expected a comparison to replace). Choose another output.",
          output, JSON);
    }
  }

  void write(ComparisonReport report, Terminal terminal) throws IOException, InterruptedException {
    requireFree();
    Optional<Chart> chart = ComparisonChart.of(report);
    try (StagedDirectory staged = StagedDirectory.create(output, overwrite)) {
      Path folder = staged.path();
      Json.write(folder.resolve(JSON), report);
      Files.writeString(folder.resolve(NAME + ".csv"), ComparisonTable.csv(report));
      String table = ComparisonTable.markdown(report);
      String image = chart.isPresent() ? "\n![" + chart.get().title() + "](comparison.svg)\n" : "";
      Files.writeString(folder.resolve(NAME + ".md"), table + image);
      if (chart.isPresent()) {
        draw(ChartLayout.of(chart.get()), folder, terminal);
      }
      staged.commit();
    }
    terminal.say("written: " + output);
  }

  private static void draw(Drawing drawing, Path folder, Terminal terminal)
      throws IOException, InterruptedException {
    Files.writeString(folder.resolve(NAME + ".svg"), Svg.text(drawing));
    try {
      Files.write(folder.resolve(NAME + ".png"), Png.bytes(drawing));
    } catch (Png.UnpaintableException e) {
      terminal.say(
          NAME
              + ".png: not written: "
              + e.getMessage()
              + ". The chart is in "
              + NAME
              + ".svg; for the PNG, install fontconfig and a font, such as fonts-dejavu-core.");
    }
  }
}
