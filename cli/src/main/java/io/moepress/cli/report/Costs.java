package io.moepress.cli.report;

import io.moepress.cli.report.RunFacts.Stage;
import io.moepress.formats.Checks;
import java.util.List;

/// What the last call took.
final class Costs implements Section {

  @Override
  public String title() {
    return "Time and memory";
  }

  @Override
  public boolean isIn(RunFiles run) {
    return run.facts().isPresent();
  }

  @Override
  public void write(RunFiles run, Html html) {
    RunFacts facts = run.facts().orElseThrow();
    double all = facts.stages().stream().mapToDouble(Stage::seconds).sum();
    List<Bars.Row> rows =
        facts.stages().stream()
            .map(stage ->
                new Bars.Row(
                    List.of(stage.name(), Checks.text("%.1f s", stage.seconds())),
                    List.of(all > 0 ? stage.seconds() / all : 0)))
            .toList();
    new Bars(List.of("stage", "time"), rows).write(html);
    String peak = facts.peakMemory() == null ? "" : "peak " + Sizes.size(facts.peakMemory()) + ", ";
    html.element(
        "p",
        "Memory: "
            + peak
            + "predicted at most "
            + Sizes.size(facts.predictedMemory())
            + ", allowed "
            + Sizes.size(facts.allowedMemory())
            + ". These are of the last call; what it found done before took it no time.");
  }
}
