package io.moepress.recipes.gguf;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.ArchitectureCatalog;
import io.moepress.formats.architecture.GgufMapping;
import io.moepress.formats.gguf.GgufFile;
import io.moepress.formats.gguf.GgufTensorInfo;
import io.moepress.recipes.plan.ExpertStep;
import io.moepress.recipes.plan.IgnoreGroups;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.LowerTopK;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeExperts.Group;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.recipes.plan.PruneMultiTokenPrediction;
import io.moepress.recipes.plan.QuantizeWeights;
import io.moepress.recipes.plan.RouterMode;
import io.moepress.recipes.plan.SparsifyWeights;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;

/// What a plan, which is made for a checkpoint, means for a GGUF file of that checkpoint: which
/// experts become one. An expert that stays is a group of its own.
///
/// @param layers the experts of the result by layer
/// @param topK experts that a token uses, where the plan changes it
public record GgufGroups(SortedMap<Integer, List<Group>> layers, OptionalInt topK) {

  /// Of the weights that a plan speaks of, so many have to be in the file; what is missing are the
  /// layers for multi-token prediction.
  private static final double LEAST_SHARE = 0.8;

  public GgufGroups {
    layers = Collections.unmodifiableSortedMap(new TreeMap<>(layers));
  }

  /// Experts of which none are merged.
  ///
  /// @param kept of each layer, ascending
  static GgufGroups kept(SortedMap<Integer, List<Integer>> kept) {
    SortedMap<Integer, List<Group>> layers = new TreeMap<>();
    kept.forEach((layer, experts) ->
        layers.put(layer, experts.stream().map(expert -> Group.mean(List.of(expert))).toList()));
    return new GgufGroups(layers, OptionalInt.empty());
  }

  /// Reads a plan. A GGUF file does not say of which checkpoint it was made, so what is compared is
  /// its family, its layers, the number of experts and the number of weights.
  ///
  /// @throws FormatException when the plan is of another model, or asks for what takes a checkpoint
  public static GgufGroups of(Plan plan, GgufFile file) {
    if (plan.previous() != null) {
      throw refused(file, plan.chain().size() + " plans in a row (expected one)");
    }
    requireSame(plan, file);
    SortedMap<Integer, List<Group>> layers = new TreeMap<>();
    OptionalInt topK = OptionalInt.empty();
    for (PlanStep step : plan.steps()) {
      switch (step) {
        case ExpertStep experts -> {
          boolean first = layers.put(experts.layer(), groups(experts, plan, file)) == null;
          requireOnce(
              first, "layer " + experts.layer() + ": two steps are about its experts", file);
        }
        case LowerTopK lower -> {
          requireOnce(topK.isEmpty(), "two steps lower how many experts a token uses", file);
          topK = OptionalInt.of(lowered(lower, file));
        }
        case PruneMultiTokenPrediction _ -> {} // such layers are not in the file
        case IgnoreGroups _ -> throw refused(file, "the router is to ignore groups of experts");
        case SparsifyWeights _ -> throw refused(file, "weights are to become zeros");
        case QuantizeWeights _ -> throw refused(file, "weights are to become integers");
      }
    }
    if (!layers.keySet().equals(GgufSlice.layers(file))) {
      throw refused(
          file,
          Checks.text(
              "the plan decides about the experts of layers %s (expected all that have some, %s)",
              layers.keySet(), GgufSlice.layers(file)));
    }
    return new GgufGroups(layers, topK);
  }

  private static void requireOnce(boolean once, String what, GgufFile file) {
    Checks.requireFormat(
        once, "%s: the plan: %s (expected one). Make a plan of this model.", file.path(), what);
  }

  private static int lowered(LowerTopK step, GgufFile file) {
    long used = GgufSlice.used(file);
    Checks.requireFormat(
        step.from() == used,
        "%s: a token uses %d experts (expected %d, for which the plan was made). Make a plan of this"
            + " model.",
        file.path(),
        used,
        step.from());
    return step.to();
  }

  private static FormatException refused(GgufFile file, String what) {
    return FormatException.of(
        "%s: %s: the plan cannot be applied to a GGUF file. Apply it to the checkpoint and convert"
            + " the result, or let a recipe write the GGUF file.",
        file.path(), what);
  }

  private static void requireSame(Plan plan, GgufFile file) {
    String found = file.text("general.architecture").orElse("");
    String expected =
        Optional.ofNullable(ArchitectureCatalog.named(plan.modelType()).gguf())
            .map(GgufMapping::architecture)
            .orElse("");
    Checks.requireFormat(
        found.equals(expected),
        "%s: a model of the kind %s (expected %s, for the plan is of a %s). Make a plan of this model.",
        file.path(),
        found,
        expected,
        plan.modelType());
    long weights = 0;
    for (GgufTensorInfo tensor : file.tensors()) {
      weights = Math.addExact(weights, tensor.shape().elementCount());
    }
    long planned = plan.before().parameters();
    Checks.requireFormat(
        weights <= planned && weights >= LEAST_SHARE * planned,
        "%s: %d weights (expected about %d, for which the plan was made). Make a plan of this model.",
        file.path(),
        weights,
        planned);
  }

  private static List<Group> groups(ExpertStep step, Plan plan, GgufFile file) {
    long experts =
        file.whole(file.text("general.architecture").orElse("") + ".expert_count").orElse(0L);
    Checks.requireFormat(
        step.experts() == experts,
        "%s: layer %d has %d experts (expected %d, for which the plan by %s was made). Make a plan of"
            + " this model.",
        file.path(),
        step.layer(),
        experts,
        step.experts(),
        plan.tool());
    return switch (step) {
      case KeepExperts keep -> {
        if (RouterMode.named(keep.router()).filter(RouterMode.SLICE::equals).isEmpty()) {
          throw refused(file, "router: " + keep.router());
        }
        yield keep.kept().stream().map(expert -> Group.mean(List.of(expert))).toList();
      }
      case MergeExperts merge -> {
        if (merge.keepsRows()) {
          throw refused(file, "router: " + merge.router());
        }
        if (!merge.rule().onlyAddsUp()) {
          throw refused(file, "neurons are to change places, or means to be projected");
        }
        yield merge.groups();
      }
    };
  }
}
