package io.moepress.cli.report;

import io.moepress.formats.Checks;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeExperts.Group;
import io.moepress.recipes.plan.Plan;
import java.util.List;
import java.util.stream.Collectors;

/// Which experts became one, and how that came about.
final class Merges implements Section {

  @Override
  public String title() {
    return "Merges";
  }

  @Override
  public boolean isIn(RunFiles run) {
    return run.plan().chain().stream().anyMatch(plan -> !steps(plan).isEmpty());
  }

  private static List<MergeExperts> steps(Plan plan) {
    return plan.steps().stream()
        .filter(MergeExperts.class::isInstance)
        .map(MergeExperts.class::cast)
        .toList();
  }

  @Override
  public void write(RunFiles run, Html html) {
    boolean isJoined =
        run.plan().chain().stream()
            .flatMap(plan -> steps(plan).stream())
            .anyMatch(step -> !step.joins().isEmpty());
    html.element(
        "p",
        (isJoined
                ? "Experts that became one are joined, the nearer the lower; the scale of each"
                    + " layer is its own. "
                : "Each frame holds experts that became one. ")
            + "The expert with the largest share of a group is in bold type.");
    for (Plan plan : run.plan().chain()) {
      List<MergeExperts> steps = steps(plan);
      html.open("div", "class", "trees");
      for (MergeExperts step : steps) {
        html.open("figure").element("figcaption", caption(step));
        if (!step.joins().isEmpty()) {
          new Dendrogram(step).write(html);
        }
        groups(html, step);
        html.close();
      }
      html.close();
    }
  }

  private static String caption(MergeExperts step) {
    String text =
        Checks.text("layer %d: %d experts become %d", step.layer(), step.experts(), step.left());
    return step.joins().isEmpty()
        ? text
        : text + Checks.text(", joined up to %.4g", step.joins().getLast().height());
  }

  private static void groups(Html html, MergeExperts step) {
    html.open("p", "class", "groups");
    for (Group group : step.groups()) {
      if (group.members().size() > 1) {
        String others =
            group.members().stream()
                .filter(member -> member != group.dominant())
                .map(String::valueOf)
                .collect(Collectors.joining(" "));
        html.open("span", "class", "group").element("b", "" + group.dominant());
        html.text(others).close();
      }
    }
    html.close();
  }
}
