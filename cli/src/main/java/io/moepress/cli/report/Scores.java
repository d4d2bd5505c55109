package io.moepress.cli.report;

import io.moepress.formats.Checks;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.Plan;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.stream.IntStream;

/// The scores of all experts of a layer on one line, so that a reader sees how clear the cut was.
final class Scores implements Section {
  private static final int WIDTH = 640;
  private static final int LEFT = 34;
  private static final int RIGHT = 150;
  private static final int ROW = 20;
  private static final int TICK = 13;
  private static final double WIDE = 30;

  @Override
  public String title() {
    return "Scores";
  }

  @Override
  public boolean isIn(RunFiles run) {
    return run.plan().chain().stream().anyMatch(plan -> !steps(plan).isEmpty());
  }

  private static List<KeepExperts> steps(Plan plan) {
    return plan.steps().stream()
        .filter(KeepExperts.class::isInstance)
        .map(KeepExperts.class::cast)
        .toList();
  }

  @Override
  public void write(RunFiles run, Html html) {
    html.element(
        "p",
        "Each mark is the score of an expert, each line a layer over its own range, the lowest score"
            + " on the left; where scores differ much, equal ratios are equally long. The numbers are"
            + " the lowest score that was kept and the highest that was dropped.");
    html.open("p", "class", "legend");
    for (String kind : List.of("kept", "guarded", "dropped")) {
      html.open("span", "class", "key")
          .open("svg", "viewBox", "0 0 14 14", "width", "14", "height", "14")
          .empty("path", "class", "score " + kind, "d", "M7 1v12")
          .close()
          .text(kind.equals("guarded") ? " kept, protected" : " " + kind)
          .close();
    }
    html.close();
    List<Plan> chain = run.plan().chain();
    for (int i = 0; i < chain.size(); i++) {
      List<KeepExperts> steps = steps(chain.get(i));
      if (!steps.isEmpty()) {
        if (chain.size() > 1) {
          html.element("h3", "Step " + (i + 1));
        }
        write(html, steps);
      }
    }
  }

  private static void write(Html html, List<KeepExperts> steps) {
    int height = steps.size() * ROW + 4;
    String size = (LEFT + WIDTH + RIGHT) + " " + height;
    html.open("div", "class", "scroll")
        .open(
            "svg",
            "viewBox",
            "0 0 " + size,
            "width",
            "" + (LEFT + WIDTH + RIGHT),
            "height",
            "" + height,
            "role",
            "img")
        .element("title", "scores by layer");
    for (int i = 0; i < steps.size(); i++) {
      row(html, steps.get(i), i * ROW + 4);
    }
    html.close().close();
  }

  private static void row(Html html, KeepExperts step, int top) {
    double base = top + ROW - 7.0;
    html.element(
        "text", "" + step.layer(), "x", "" + (LEFT - 8), "y", "" + base, "text-anchor", "end");
    html.empty("path", "class", "axis", "d", "M" + LEFT + " " + (base + 3) + "h" + WIDTH);
    DoubleSummaryStatistics range =
        step.scores().stream().mapToDouble(Double::doubleValue).summaryStatistics();
    for (int expert = 0; expert < step.experts(); expert++) {
      double x = LEFT + WIDTH * place(step.scores().get(expert), range);
      html.open(
              "path",
              "class",
              "score " + kind(step, expert),
              "d",
              Checks.text("M%.1f %dv%d", x, top, TICK))
          .element("title", Checks.text("expert %d: %.4g", expert, step.scores().get(expert)))
          .close();
    }
    html.element("text", margin(step), "x", "" + (LEFT + WIDTH + 12), "y", "" + base);
  }

  private static String kind(KeepExperts step, int expert) {
    if (!step.kept().contains(expert)) {
      return "dropped";
    }
    return step.guarded().contains(expert) ? "guarded" : "kept";
  }

  /// Where a score is in a range, 0 to 1.
  static double place(double score, DoubleSummaryStatistics range) {
    double low = range.getMin();
    double high = range.getMax();
    if (high <= low) {
      return 0.5;
    }
    return low > 0 && high / low > WIDE
        ? Math.log(score / low) / Math.log(high / low)
        : (score - low) / (high - low);
  }

  private static String margin(KeepExperts step) {
    DoubleSummaryStatistics kept =
        IntStream.range(0, step.experts())
            .filter(expert -> step.kept().contains(expert) && !step.guarded().contains(expert))
            .mapToDouble(step.scores()::get)
            .summaryStatistics();
    DoubleSummaryStatistics dropped =
        IntStream.range(0, step.experts())
            .filter(expert -> !step.kept().contains(expert))
            .mapToDouble(step.scores()::get)
            .summaryStatistics();
    return kept.getCount() == 0 || dropped.getCount() == 0
        ? ""
        : Checks.text("%.4g / %.4g", kept.getMin(), dropped.getMax());
  }
}
