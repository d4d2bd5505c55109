package io.moepress.cli.report;

import io.moepress.cli.report.Grid.Cell;
import io.moepress.formats.Checks;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.ExpertStep;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.Plan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// How often each expert was chosen, and what becomes of it.
final class ExpertMap implements Section {
  /// From where on a colour holds, as a multiple of an equal share.
  private static final double[] LEVELS = {0, 0x1p-20, 0.125, 0.25, 0.5, 1, 2, 4};

  private static final List<String> NAMES =
      List.of("never chosen", "under ⅛ of an equal share", "⅛", "¼", "½", "1", "2", "4 and more");
  private static final String UNKNOWN = "none";

  @Override
  public String title() {
    return "Experts";
  }

  @Override
  public boolean isIn(RunFiles run) {
    return !run.evidence().isEmpty()
        || run.plan().chain().stream().anyMatch(plan -> !decisions(plan).isEmpty());
  }

  @Override
  public void write(RunFiles run, Html html) {
    if (run.evidence().values().stream().anyMatch(seen -> !tokens(seen).isEmpty())) {
      html.element(
          "p",
          "Each square is an expert of a layer. Its colour tells how often the texts chose it, in"
              + " multiples of an equal share; its shape, what becomes of it.");
      html.open("p", "class", "legend");
      Grid.colours(html, "u", NAMES);
      html.close();
    } else {
      html.element("p", "Each square is an expert of a layer; its shape tells what becomes of it.");
    }
    List<Plan> chain = run.plan().chain();
    for (int i = 0; i < chain.size(); i++) {
      write(html, chain, i, run.evidence().get(i));
    }
  }

  private static void write(Html html, List<Plan> chain, int index, @Nullable Evidence evidence) {
    SortedMap<Integer, ExpertStep> decisions = decisions(chain.get(index));
    SortedMap<Integer, Integer> experts = new TreeMap<>();
    decisions.forEach((layer, step) -> experts.put(layer, step.experts()));
    SortedMap<Integer, double[]> tokens = tokens(evidence);
    tokens.forEach((layer, of) -> experts.put(layer, of.length));
    if (experts.isEmpty()) {
      return;
    }
    Set<Fate> fates = EnumSet.noneOf(Fate.class);
    List<Grid.Row> rows = new ArrayList<>();
    experts.forEach((layer, count) -> {
      List<Cell> cells = cells(layer, count, tokens.get(layer), decisions.get(layer));
      cells.forEach(cell -> fates.add(cell.fate()));
      rows.add(new Grid.Row(layer, cells));
    });
    if (chain.size() > 1) {
      html.element("h3", "Step " + (index + 1));
    }
    html.open("p", "class", "legend");
    Grid.legend(html, List.copyOf(fates));
    html.close();
    new Grid("layers from top to bottom, experts from left to right", rows).write(html);
    if (tokens.isEmpty()) {
      html.element("p", "No evidence of this step is in the work directory.", "class", "quiet");
    }
  }

  /// How many tokens chose each expert, by layer; nothing where nobody counted.
  private static SortedMap<Integer, double[]> tokens(@Nullable Evidence evidence) {
    SortedMap<Integer, double[]> tokens = new TreeMap<>();
    if (evidence != null && evidence.statistics().contains(Statistic.ROUTED_TOKENS)) {
      evidence
          .layers()
          .forEach((layer, it) -> tokens.put(layer, it.total(Statistic.ROUTED_TOKENS)));
    }
    return tokens;
  }

  private static SortedMap<Integer, ExpertStep> decisions(Plan plan) {
    SortedMap<Integer, ExpertStep> decisions = new TreeMap<>();
    plan.steps().stream()
        .filter(ExpertStep.class::isInstance)
        .map(ExpertStep.class::cast)
        .forEach(step -> decisions.put(step.layer(), step));
    return decisions;
  }

  private static List<Cell> cells(
      int layer, int experts, double @Nullable [] tokens, @Nullable ExpertStep step) {
    double all = tokens == null ? 0 : Arrays.stream(tokens).sum();
    List<Cell> cells = new ArrayList<>();
    for (int expert = 0; expert < experts; expert++) {
      Fate fate = step == null ? Fate.KEPT : Fate.of(step, expert);
      String about = Checks.text("layer %d, expert %d: %s", layer, expert, fate.label());
      String colour = UNKNOWN;
      if (tokens != null) {
        double share = all == 0 ? 0 : tokens[expert] / all;
        colour = "u" + level(share * experts);
        about += Checks.text("; %.3g %% of all choices", 100 * share);
      }
      if (step instanceof KeepExperts keep) {
        about += Checks.text("; score %.4g", keep.scores().get(expert));
      }
      cells.add(new Cell(fate, colour, about));
    }
    return cells;
  }

  static int level(double multiple) {
    int level = 0;
    while (level + 1 < LEVELS.length && multiple >= LEVELS[level + 1]) {
      level++;
    }
    return level;
  }
}
