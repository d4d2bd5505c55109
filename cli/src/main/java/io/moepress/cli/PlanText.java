package io.moepress.cli;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.recipes.plan.IgnoreGroups;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.LowerTopK;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeExperts.Group;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.recipes.plan.PruneMultiTokenPrediction;
import io.moepress.recipes.plan.QuantizeWeights;
import io.moepress.recipes.plan.SparsifyWeights;
import io.moepress.recipes.recipe.ByteSize;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// A plan as people read it.
final class PlanText {
  private PlanText() {}

  static String of(Plan plan) {
    StringBuilder text = new StringBuilder();
    text.append(sizes(plan)).append('\n');
    List<Plan> chain = plan.chain();
    for (int index = 0; index < chain.size(); index++) {
      if (chain.size() > 1) {
        text.append("step ").append(index + 1).append('\n');
      }
      append(text, chain.get(index));
    }
    return text.toString();
  }

  private static void append(StringBuilder text, Plan plan) {
    Table layers = Table.ofFacts().row("layer", "method", "kept", "lowest kept / highest dropped");
    for (PlanStep step : plan.steps()) {
      switch (step) {
        case KeepExperts keep ->
            layers.row("" + keep.layer(), keep.method(), kept(keep), margin(keep));
        case MergeExperts merge ->
            layers.row("" + merge.layer(), merge.method(), merged(merge), heights(merge));
        case SparsifyWeights sparsify ->
            layers.row("" + sparsify.layer(), sparsify.method(), zeros(sparsify), "");
        case QuantizeWeights quantize ->
            layers.row("" + quantize.layer(), quantize.method(), schemes(quantize), "");
        case IgnoreGroups ignore -> {} // a note says it
        case LowerTopK lower -> {} // a note says it
        case PruneMultiTokenPrediction prune -> {} // a note says it
      }
    }
    text.append(layers.text());
    plan.notes().forEach(note -> text.append("note: ").append(note).append('\n'));
  }

  private static String sizes(Plan plan) {
    return Table.ofNumbers()
        .row("", "experts", "parameters", "size")
        .row(size("before", plan.chain().getFirst().before()))
        .row(size("after", plan.after()))
        .text();
  }

  private static String[] size(String when, Plan.Size size) {
    return new String[] {
      when,
      size.expertsText(),
      Checks.text("%,d", size.parameters()),
      new ByteSize(size.bytes()).rounded()
    };
  }

  private static String kept(KeepExperts step) {
    return step.kept().size() + " of " + step.experts() + ": " + ranges(step);
  }

  /// `zeros 40%: expert expert-down`, and how many experts stay dense.
  private static String zeros(SparsifyWeights step) {
    return step.parts().stream()
        .collect(
            Collectors.groupingBy(
                part -> part.pattern().toString(),
                TreeMap::new,
                Collectors.mapping(PlanText::place, Collectors.joining(", "))))
        .entrySet()
        .stream()
        .map(entry -> "zeros " + entry.getKey() + ": " + entry.getValue())
        .collect(Collectors.joining("; "));
  }

  /// `experts W4A16, groups of 128; others W8A16, groups of 128`, or how many experts have which
  /// bits.
  private static String schemes(QuantizeWeights step) {
    return step.parts().stream().map(PlanText::schemes).collect(Collectors.joining("; "));
  }

  private static String schemes(QuantizeWeights.Part part) {
    boolean experts = part.linears().stream().allMatch(TensorRole::isExpert);
    SortedMap<String, Long> counts =
        part.schemes().stream()
            .collect(
                Collectors.groupingBy(
                    IntegerScheme::toString, TreeMap::new, Collectors.counting()));
    String schemes =
        counts.size() == 1
            ? counts.firstKey()
            : counts.entrySet().stream()
                .map(entry -> entry.getValue() + " of " + entry.getKey())
                .collect(Collectors.joining(", "));
    return (experts ? "experts " : "others ") + schemes;
  }

  private static String place(SparsifyWeights.Part part) {
    return part.dense().isEmpty()
        ? part.input().label()
        : part.input().label() + " without " + part.dense();
  }

  private static String merged(MergeExperts step) {
    return step.left()
        + " of "
        + step.experts()
        + ": "
        + step.groups().stream().map(PlanText::group).collect(Collectors.joining(" "));
  }

  /// How far apart the last clusters were that joined.
  private static String heights(MergeExperts step) {
    return step.joins().isEmpty()
        ? ""
        : Checks.text("joined up to %.4g", step.joins().getLast().height());
  }

  /// A group of one as its number, others in brackets; who stands for them alone has a star.
  private static String group(Group group) {
    if (group.members().size() == 1) {
      return "" + group.members().getFirst();
    }
    int alone = group.representative().orElse(-1);
    return group.members().stream()
        .map(member -> member + (member == alone ? "*" : ""))
        .collect(Collectors.joining(" ", "[", "]"));
  }

  /// Consecutive indices as ranges: `0-3 7 9-10`.
  private static String ranges(KeepExperts step) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < step.kept().size(); ) {
      int end = i;
      while (end + 1 < step.kept().size() && step.kept().get(end + 1) == step.kept().get(end) + 1) {
        end++;
      }
      text.append(i == 0 ? "" : " ").append(step.kept().get(i));
      text.append(end == i ? "" : "-" + step.kept().get(end));
      i = end + 1;
    }
    return text.toString();
  }

  private static String margin(KeepExperts step) {
    double lowest = Double.POSITIVE_INFINITY;
    double highest = Double.NEGATIVE_INFINITY;
    for (int expert = 0; expert < step.experts(); expert++) {
      double score = step.scores().get(expert);
      if (!step.kept().contains(expert)) {
        highest = Math.max(highest, score);
      } else if (!step.guarded().contains(expert)) {
        lowest = Math.min(lowest, score);
      }
    }
    return Double.isInfinite(highest) || Double.isInfinite(lowest)
        ? ""
        : Checks.text("%.4g / %.4g", lowest, highest);
  }
}
