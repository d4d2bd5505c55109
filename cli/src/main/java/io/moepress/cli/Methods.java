package io.moepress.cli;

import io.moepress.prune.EasyEpPruning;
import io.moepress.prune.FrequencyPruning;
import io.moepress.prune.GateMassPruning;
import io.moepress.prune.RandomPruning;
import io.moepress.prune.ReapPruning;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.recipe.MethodBinder;
import io.moepress.recipes.recipe.MethodCatalog;
import io.moepress.recipes.recipe.YamlNode;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Every method a recipe may name: one line each.
final class Methods implements MethodCatalog {
  private final Map<String, MethodBinder<PruneMethod>> prune = new LinkedHashMap<>();

  Methods() {
    prune.put("easy-ep", (options, seed) -> new EasyEpPruning());
    prune.put("reap", (options, seed) -> new ReapPruning());
    prune.put("frequency", (options, seed) -> new FrequencyPruning());
    prune.put("gate-mass", (options, seed) -> new GateMassPruning());
    prune.put("random", (options, seed) -> new RandomPruning(seed(options, seed)));
  }

  private static long seed(YamlNode options, long seed) {
    return options.optional("seed").map(YamlNode::integer).orElse(seed);
  }

  @Override
  public Optional<MethodBinder<PruneMethod>> prune(String name) {
    return Optional.ofNullable(prune.get(name));
  }

  @Override
  public Set<String> pruneNames() {
    return Collections.unmodifiableSet(prune.keySet());
  }
}
