package io.moepress.cli.report;

import io.moepress.cli.report.Grid.Cell;
import io.moepress.formats.Checks;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.QuantizeWeights;
import io.moepress.recipes.plan.QuantizeWeights.Part;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// Which weights get how many bits.
final class Bits implements Section {
  private static final List<String> NAMES =
      IntStream.rangeClosed(1, 8).mapToObj(bits -> bits == 1 ? "1 bit" : bits + " bits").toList();

  @Override
  public String title() {
    return "Bits";
  }

  @Override
  public boolean isIn(RunFiles run) {
    return run.plan().chain().stream().anyMatch(plan -> !steps(plan).isEmpty());
  }

  private static List<QuantizeWeights> steps(Plan plan) {
    return plan.steps().stream()
        .filter(QuantizeWeights.class::isInstance)
        .map(QuantizeWeights.class::cast)
        .toList();
  }

  @Override
  public void write(RunFiles run, Html html) {
    html.element(
        "p",
        "Each square is an expert of a layer; its colour is the bits of a weight, over its matrices"
            + " on average, without scales.");
    html.open("p", "class", "legend");
    Grid.colours(html, "b", NAMES);
    html.close();
    for (Plan plan : run.plan().chain()) {
      List<QuantizeWeights> steps = steps(plan);
      if (!steps.isEmpty()) {
        write(html, plan, steps);
      }
    }
  }

  private static void write(Html html, Plan plan, List<QuantizeWeights> steps) {
    List<Grid.Row> rows = new ArrayList<>();
    SortedMap<String, List<Integer>> others = new TreeMap<>();
    for (QuantizeWeights step : steps) {
      List<Part> experts = step.parts().stream().filter(Bits::isOfExperts).toList();
      if (!experts.isEmpty()) {
        int count = experts(plan, step.layer());
        rows.add(
            new Grid.Row(
                step.layer(),
                IntStream.range(0, count)
                    .mapToObj(expert -> cell(step.layer(), expert, experts))
                    .toList()));
      }
      step.parts().stream()
          .filter(part -> !isOfExperts(part))
          .forEach(part ->
              others
                  .computeIfAbsent(names(part) + ": " + part.scheme(0), _ -> new ArrayList<>())
                  .add(step.layer()));
    }
    if (!rows.isEmpty()) {
      new Grid("bits, layers from top to bottom, experts from left to right", rows).write(html);
    }
    if (!others.isEmpty()) {
      html.open("table").row("th", "other weights", "layers");
      others.forEach((what, layers) -> html.row("td", what, Ranges.text(layers)));
      html.close();
    }
  }

  private static int experts(Plan plan, int layer) {
    SortedMap<Integer, Integer> byLayer = plan.before().expertsByLayer();
    return byLayer == null
        ? plan.before().experts()
        : byLayer.getOrDefault(layer, plan.before().experts());
  }

  private static boolean isOfExperts(Part part) {
    return part.linears().stream().allMatch(TensorRole::isExpert);
  }

  private static Cell cell(int layer, int expert, List<Part> parts) {
    double sum = 0;
    int matrices = 0;
    for (Part part : parts) {
      sum += (double) bits(part, expert) * part.linears().size();
      matrices += part.linears().size();
    }
    double average = sum / matrices;
    String about =
        parts.stream()
            .map(part -> names(part) + " " + bits(part, expert))
            .collect(Collectors.joining(", "));
    return new Cell(
        Fate.KEPT,
        "b" + Math.clamp(Math.round(average) - 1, 0, NAMES.size() - 1),
        Checks.text("layer %d, expert %d: %.3g bits (%s)", layer, expert, average, about));
  }

  private static int bits(Part part, int expert) {
    int last = part.schemes().size() - 1;
    return part.schemes().get(Math.min(expert, last)).bits();
  }

  private static String names(Part part) {
    return part.linears().stream()
        .map(role -> role.name().toLowerCase(Locale.ROOT).replace('_', ' '))
        .collect(Collectors.joining(", "));
  }
}
