package io.moepress.cli.report;

import io.moepress.formats.Checks;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeRule.Subspace;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/// What each layer lost, where a step has found out: codes that were sought by looking at inputs,
/// and experts that were merged in a subspace.
final class LayerErrors implements Section {

  @Override
  public String title() {
    return "Error by layer";
  }

  @Override
  public boolean isIn(RunFiles run) {
    return !run.losses().isEmpty() || !lostEnergy(run).isEmpty();
  }

  @Override
  public void write(RunFiles run, Html html) {
    if (!run.losses().isEmpty()) {
      html.element(
          "p",
          "What rounding costs: the squared error of the outputs of all quantised matrices of a"
              + " layer, over the calibration texts.");
      bars(html, "squared error", run.losses());
    }
    if (!lostEnergy(run).isEmpty()) {
      html.element(
          "p",
          "What merging in a subspace leaves out: the part of the squared weights of the merged"
              + " experts, or of their outputs where the step whitens, that lies outside.");
      bars(html, "left out", lostEnergy(run));
    }
  }

  private static SortedMap<Integer, Double> lostEnergy(RunFiles run) {
    SortedMap<Integer, Double> lost = new TreeMap<>();
    run.plan().chain().stream()
        .flatMap(plan -> plan.steps().stream())
        .filter(MergeExperts.class::isInstance)
        .map(MergeExperts.class::cast)
        .forEach(step -> {
          Subspace subspace = step.rule().subspace();
          if (subspace != null) {
            lost.put(step.layer(), Math.max(0, 1 - subspace.energy()));
          }
        });
    return lost;
  }

  private static void bars(Html html, String what, SortedMap<Integer, Double> values) {
    double largest = values.values().stream().mapToDouble(Double::doubleValue).max().orElse(0);
    List<Bars.Row> rows =
        values.entrySet().stream()
            .map(value ->
                new Bars.Row(
                    List.of("" + value.getKey(), Checks.text("%.4g", value.getValue())),
                    List.of(largest > 0 ? value.getValue() / largest : 0)))
            .toList();
    new Bars(List.of("layer", what), rows).write(html);
  }
}
