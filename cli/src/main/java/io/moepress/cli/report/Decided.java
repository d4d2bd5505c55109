package io.moepress.cli.report;

import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.recipes.plan.SparsifyWeights;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/// Which methods decided, by which formulas, and what a reader should know of it.
///
/// @param methods what is known of a method
record Decided(Function<String, Optional<MethodDescription>> methods) implements Section {

  @Override
  public String title() {
    return "Decisions";
  }

  @Override
  public boolean isIn(RunFiles run) {
    return true;
  }

  @Override
  public void write(RunFiles run, Html html) {
    List<Plan> chain = run.plan().chain();
    for (int i = 0; i < chain.size(); i++) {
      if (chain.size() > 1) {
        html.element("h3", "Step " + (i + 1));
      }
      write(html, chain.get(i));
    }
  }

  private void write(Html html, Plan plan) {
    Map<String, Integer> layers = new LinkedHashMap<>();
    for (PlanStep step : plan.steps()) {
      step.decidedBy().ifPresent(method -> layers.merge(method, 1, Integer::sum));
    }
    html.open("dl");
    layers.forEach((method, count) -> {
      html.open("dt").element("b", method);
      html.text(count == 1 ? "in 1 layer" : "in " + count + " layers").close();
      methods.apply(method).ifPresent(known -> describe(html, known));
    });
    html.close();
    zeros(html, plan);
    if (!plan.notes().isEmpty()) {
      html.open("ul");
      plan.notes().forEach(note -> html.element("li", note));
      html.close();
    }
  }

  private static void describe(Html html, MethodDescription method) {
    html.element("dd", plain(method.score()));
    html.element("dd", plain(method.source()), "class", "quiet");
  }

  private static String plain(String markdown) {
    return markdown.replace("`", "");
  }

  /// Weights that become zero have no picture: every layer has the same share of them.
  private static void zeros(Html html, Plan plan) {
    Map<String, List<Integer>> layers =
        plan.steps().stream()
            .filter(SparsifyWeights.class::isInstance)
            .map(SparsifyWeights.class::cast)
            .collect(
                Collectors.groupingBy(
                    Decided::zeros,
                    LinkedHashMap::new,
                    Collectors.mapping(SparsifyWeights::layer, Collectors.toList())));
    if (!layers.isEmpty()) {
      html.open("table").row("th", "weights set to zero", "layers");
      layers.forEach((zeros, where) -> html.row("td", zeros, Ranges.text(where)));
      html.close();
    }
  }

  private static String zeros(SparsifyWeights step) {
    return step.parts().stream()
        .map(part ->
            part.pattern()
                + " of what reads "
                + part.input().label()
                + (part.dense().isEmpty() ? "" : " without experts " + part.dense()))
        .collect(Collectors.joining("; "));
  }
}
