package io.moepress.recipes.recipe;

import io.moepress.formats.Words;
import io.moepress.recipes.plan.Alignment;
import io.moepress.recipes.plan.AllocationMode;
import io.moepress.recipes.plan.Budget;
import io.moepress.recipes.plan.CountOptions;
import io.moepress.recipes.plan.ExpertId;
import io.moepress.recipes.plan.GroupMode;
import io.moepress.recipes.plan.KeepCount;
import io.moepress.recipes.plan.KeepCounts;
import io.moepress.recipes.plan.KeepRatio;
import io.moepress.recipes.plan.MergeMethod;
import io.moepress.recipes.plan.MergeOptions;
import io.moepress.recipes.plan.MergeRouter;
import io.moepress.recipes.plan.PredictionMode;
import io.moepress.recipes.plan.Protection;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.plan.RouterMode;
import io.moepress.recipes.plan.RouterOptions;
import io.moepress.recipes.plan.Snap;
import io.moepress.recipes.plan.TopKRule;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Reads the steps of a recipe.
///
/// @param seed of the recipe
record StepReader(MethodCatalog catalog, long seed) {
  private static final String PRUNE = "prune";
  private static final String MERGE = "merge";
  private static final String SPARSIFY = "sparsify";
  private static final String QUANTIZE = "quantize";
  private static final List<String> KINDS = List.of(PRUNE, MERGE, SPARSIFY, QUANTIZE);

  /// The keys by which a step of each kind is given its budget.
  private static final Map<String, List<String>> BUDGETS =
      Map.of(PRUNE, List.of("keep", "experts"), MERGE, List.of("keep", "experts"));

  /// The keys by which a step of this kind is given its budget.
  static List<String> budgetKeys(String kind) {
    return BUDGETS.getOrDefault(kind, List.of());
  }

  /// All such keys, in the order of the kinds.
  static List<String> budgetKeys() {
    return KINDS.stream().flatMap(kind -> budgetKeys(kind).stream()).distinct().toList();
  }

  RecipeStep step(YamlNode item) {
    List<String> kinds = item.keys();
    if (kinds.size() != 1) {
      throw item.error(
          (kinds.isEmpty() ? "no step" : Words.shown("keys " + String.join(", ", kinds)))
              + " (expected one step). Begin each step with its own \"-\", and indent its options"
              + " deeper than its name");
    }
    String kind = kinds.getFirst();
    if (!KINDS.contains(kind)) {
      throw item.error(
          "unknown step "
              + Words.quoted(kind)
              + "; known: "
              + String.join(", ", KINDS)
              + Words.didYouMean(kind, KINDS));
    }
    YamlNode step = item.required(kind, "a step");
    return switch (kind) {
      case PRUNE -> prune(step);
      case MERGE -> merge(step);
      case SPARSIFY -> new SparsifyReader(catalog, seed).sparsify(step);
      case QUANTIZE -> new QuantizeReader(catalog, seed).quantize(step);
      default -> throw new IllegalStateException("no reader for step " + kind);
    };
  }

  private PruneStep prune(YamlNode step) {
    Optional<YamlNode> keep = step.optional("keep");
    Optional<YamlNode> experts = step.optional("experts");
    YamlNode name = step.required("method", "the name of a method");
    Protection protection =
        step.optional("protect").map(this::protection).orElse(Protection.DEFAULT);
    RouterOptions router = router(step);
    CountOptions counts = counts(step, experts);
    PruneMethod method = method(name, step);
    step.finish(); // a mistyped "keep" is to be called that, not a missing budget
    return new PruneStep(method, budget(step, keep, experts), protection, router, counts);
  }

  private static CountOptions counts(YamlNode step, Optional<YamlNode> experts) {
    Optional<YamlNode> allocation = step.optional("allocation");
    if (allocation.isPresent() && experts.filter(YamlNode::isList).isPresent()) {
      throw allocation
          .get()
          .error("experts lists a number for each layer (expected no allocation). Remove the key");
    }
    CountOptions standard = CountOptions.DEFAULT;
    return new CountOptions(
        allocation.map(mode -> mode.choice(AllocationMode.labels(), AllocationMode::named)),
        step.optional("snap")
            .map(snap -> snap.parsed("a whole number from 1 on, or target", Snap::parse))
            .orElse(standard.snap()),
        step.optional("uniformise").map(YamlNode::flag).orElse(standard.uniformise()));
  }

  private MergeStep merge(YamlNode step) {
    Optional<YamlNode> keep = step.optional("keep");
    Optional<YamlNode> experts = step.optional("experts");
    YamlNode name = step.required("method", "the name of a method");
    Protection protection =
        step.optional("protect").map(this::protection).orElse(Protection.DEFAULT);
    MergeOptions options =
        new MergeOptions(
            step.optional("align")
                .map(align -> align.choice(Alignment.labels(), Alignment::named))
                .orElse(MergeOptions.DEFAULT.align()),
            step.optional("router")
                .map(router -> router.choice(MergeRouter.labels(), MergeRouter::named))
                .orElse(MergeOptions.DEFAULT.router()));
    RouterOptions standard = RouterOptions.DEFAULT;
    RouterOptions routing =
        new RouterOptions(standard.mode(), topK(step), groups(step), standard.prediction());
    MethodBinder<MergeMethod> binder = name.choice(catalog.mergeNames(), catalog::merge);
    MergeMethod method = step.checked(() -> binder.bind(step, seed));
    step.checked(() -> method.checked(options));
    step.finish();
    if (budget(step, keep, experts) instanceof Budget.OfLayer budget) {
      return new MergeStep(method, budget, protection, options, routing);
    }
    throw step.error(
        "experts: a list (expected one number). A merge leaves the same in each layer");
  }

  private static TopKRule topK(YamlNode step) {
    return step.optional("top-k")
        .map(topK -> topK.parsed("a whole number from 1 on, or fit", TopKRule::parse))
        .orElse(RouterOptions.DEFAULT.topK());
  }

  private static GroupMode groups(YamlNode step) {
    return step.optional("groups")
        .map(mode -> mode.choice(GroupMode.labels(), GroupMode::named))
        .orElse(RouterOptions.DEFAULT.groups());
  }

  private static RouterOptions router(YamlNode step) {
    RouterOptions standard = RouterOptions.DEFAULT;
    return new RouterOptions(
        step.optional("router")
            .map(mode -> mode.choice(RouterMode.labels(), RouterMode::named))
            .orElse(standard.mode()),
        topK(step),
        groups(step),
        step.optional("multi-token-prediction")
            .map(mode -> mode.choice(PredictionMode.labels(), PredictionMode::named))
            .orElse(standard.prediction()));
  }

  /// The method that `name` names, with the options of `step`.
  private PruneMethod method(YamlNode name, YamlNode step) {
    MethodBinder<PruneMethod> binder = name.choice(catalog.pruneNames(), catalog::prune);
    return step.checked(() -> binder.bind(step, seed));
  }

  /// The method that `name` names, with no options given.
  PruneMethod baseline(YamlNode name) {
    return method(name, name.withoutOptions());
  }

  private Protection protection(YamlNode protect) {
    boolean superExperts = protect.optional("super-experts").map(YamlNode::flag).orElse(true);
    Optional<YamlNode> experts = protect.optional("experts");
    if (experts.isEmpty()) {
      return new Protection(superExperts, List.of());
    }
    List<ExpertId> listed =
        experts.get().list().stream()
            .map(expert -> expert.parsed("layer:expert such as 3:17", ExpertId::parse))
            .toList();
    return experts.get().checked(() -> new Protection(superExperts, listed));
  }

  private static Budget budget(YamlNode step, Optional<YamlNode> keep, Optional<YamlNode> experts) {
    if (keep.isPresent() && experts.isPresent()) {
      throw step.error("both keep and experts (expected one of them). Remove one");
    }
    return keep.<Budget>map(ratio -> ratio.parsed("a ratio such as 50% or 0.5", KeepRatio::parse))
        .or(() -> experts.map(StepReader::count))
        .orElseThrow(() ->
            step.error(
                "no budget (expected keep or experts). Add \"keep: 50%\" or \"experts: 16\""));
  }

  private static Budget count(YamlNode experts) {
    if (experts.isList()) {
      List<Integer> numbers = experts.list().stream().map(number -> number.atLeast(1)).toList();
      return experts.checked(() -> new KeepCounts(numbers));
    }
    int count = experts.atLeast(Integer.MIN_VALUE);
    return experts.checked(() -> new KeepCount(count));
  }
}
