package io.moepress.cli.report;

import io.moepress.formats.Checks;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeExperts.Join;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;

/// The joins of a layer as a tree, or as several where groups stay apart.
final class Dendrogram {
  private static final int HEIGHT = 110;
  private static final int FOOT = 16;
  private static final int TOP = 6;
  private static final int WIDE_LEAF = 18;
  private static final int NARROW_LEAF = 8;
  private static final int FEW = 32;

  private final MergeExperts step;
  private final double highest;
  private final int leaf;

  Dendrogram(MergeExperts step) {
    this.step = step;
    this.highest = step.joins().stream().mapToDouble(Join::height).max().orElse(1);
    this.leaf = step.experts() <= FEW ? WIDE_LEAF : NARROW_LEAF;
  }

  /// A cluster, by the place of its stem.
  private record Stem(double x, double y) {}

  void write(Html html) {
    List<Integer> order = order();
    int width = leaf * order.size();
    html.open("div", "class", "scroll")
        .open(
            "svg",
            "viewBox",
            "0 0 " + width + " " + (HEIGHT + FOOT),
            "width",
            "" + width,
            "height",
            "" + (HEIGHT + FOOT),
            "role",
            "img")
        .element("title", "how the experts of layer " + step.layer() + " were joined");
    SortedMap<Integer, Stem> stems = new TreeMap<>();
    for (int i = 0; i < order.size(); i++) {
      double x = leaf * (i + 0.5);
      stems.put(order.get(i), new Stem(x, HEIGHT));
      if (leaf == WIDE_LEAF) {
        html.element(
            "text",
            "" + order.get(i),
            "x",
            "" + x,
            "y",
            "" + (HEIGHT + 12),
            "text-anchor",
            "middle");
      }
    }
    for (Join join : step.joins()) {
      join(html, stems, join);
    }
    html.close().close();
  }

  private void join(Html html, SortedMap<Integer, Stem> stems, Join join) {
    Stem first = stems.get(join.first());
    Stem second = stems.get(join.second());
    if (first == null || second == null) {
      return; // a plan that a person has edited
    }
    double share = highest > 0 ? Math.clamp(join.height() / highest, 0, 1) : 0;
    double y = HEIGHT - share * (HEIGHT - TOP);
    html.open(
            "path",
            "class",
            "branch",
            "d",
            Checks.text(
                "M%.1f %.1fV%.1fH%.1fV%.1f", first.x(), first.y(), y, second.x(), second.y()))
        .element(
            "title",
            Checks.text("%d and %d joined at %.4g", join.first(), join.second(), join.height()))
        .close();
    stems.remove(join.second());
    stems.put(Math.min(join.first(), join.second()), new Stem((first.x() + second.x()) / 2, y));
  }

  /// The experts in an order in which no branches cross.
  private List<Integer> order() {
    SortedMap<Integer, List<Integer>> clusters = new TreeMap<>();
    IntStream.range(0, step.experts())
        .forEach(expert -> clusters.put(expert, new ArrayList<>(List.of(expert))));
    for (Join join : step.joins()) {
      List<Integer> first = clusters.get(join.first());
      List<Integer> second = clusters.get(join.second());
      if (first != null && second != null && join.first() != join.second()) {
        first.addAll(second);
        clusters.remove(join.second());
      }
    }
    return clusters.values().stream().flatMap(List::stream).toList();
  }
}
