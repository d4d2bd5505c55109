package io.moepress.recipes.recipe;

import io.moepress.recipes.plan.LinearScope;
import io.moepress.recipes.plan.SparsityMethod;
import io.moepress.recipes.plan.SparsityOptions;
import io.moepress.recipes.plan.StarvedMode;
import io.moepress.recipes.plan.ZeroPattern;
import java.util.Optional;

/// Reads steps that set weights to zero.
///
/// @param seed of the recipe
record SparsifyReader(MethodCatalog catalog, long seed) {

  SparsifyStep sparsify(YamlNode step) {
    Optional<YamlNode> sparsity = step.optional("sparsity");
    Optional<YamlNode> pattern = step.optional("pattern");
    YamlNode name = step.required("method", "the name of a method");
    SparsityOptions options = options(step);
    MethodBinder<SparsityMethod> binder = name.choice(catalog.sparsityNames(), catalog::sparsity);
    SparsityMethod method = step.checked(() -> binder.bind(step, seed));
    step.finish(); // a mistyped "sparsity" is to be called that, not a missing one
    ZeroPattern zeros = pattern(step, sparsity, pattern);
    return step.checked(() -> new SparsifyStep(method, zeros, options));
  }

  private static ZeroPattern pattern(
      YamlNode step, Optional<YamlNode> sparsity, Optional<YamlNode> pattern) {
    if (sparsity.isPresent() && pattern.isPresent()) {
      throw step.error("both sparsity and pattern (expected one of them). Remove one");
    }
    return sparsity
        .map(share -> share.parsed("a share such as 40% or 0.4", ZeroPattern::parseShare))
        .or(() -> pattern.map(runs -> runs.parsed("such as \"2:4\"", ZeroPattern::parseRuns)))
        .orElseThrow(() ->
            step.error(
                "no number of zeros (expected sparsity or pattern). Add \"sparsity: 40%\" or"
                    + " \"pattern: 2:4\""));
  }

  private static SparsityOptions options(YamlNode step) {
    SparsityOptions standard = SparsityOptions.DEFAULT;
    LinearScope scope =
        step.optional("scope")
            .map(node -> node.choice(LinearScope.labels(), LinearScope::named))
            .orElse(standard.scope());
    boolean sequential =
        step.optional("sequential").map(YamlNode::flag).orElse(standard.sequential());
    StarvedMode starved =
        step.optional("starved")
            .map(node -> node.choice(StarvedMode.labels(), StarvedMode::named))
            .orElse(standard.starved());
    Optional<YamlNode> power = step.optional("gate-power");
    int gatePower = power.map(node -> node.atLeast(0)).orElse(standard.gatePower());
    return power
        .orElse(step)
        .checked(() -> new SparsityOptions(scope, sequential, starved, gatePower));
  }
}
