package io.moepress.cli;

import io.moepress.prune.ActivationMembers;
import io.moepress.prune.ActivationPruning;
import io.moepress.prune.AimerPruning;
import io.moepress.prune.DiepPruning;
import io.moepress.prune.EasyEpPruning;
import io.moepress.prune.RandomPruning;
import io.moepress.prune.StunPruning;
import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.recipe.MethodBinder;
import io.moepress.recipes.recipe.MethodCatalog;
import io.moepress.recipes.recipe.YamlNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Every method a recipe may name: one line each.
final class Methods implements MethodCatalog {
  private final Map<String, MethodBinder<PruneMethod>> prune = new LinkedHashMap<>();
  private final Map<String, MethodDescription> descriptions = new LinkedHashMap<>();

  Methods() {
    add(EasyEpPruning.DESCRIPTION, (options, seed) -> new EasyEpPruning());
    ActivationMembers.ALL.forEach(
        member -> add(member.description(), (options, seed) -> member.method()));
    add(ActivationMembers.FAMILY, (options, seed) -> activation(options));
    add(AimerPruning.DESCRIPTION, (options, seed) -> new AimerPruning());
    add(StunPruning.DESCRIPTION, (options, seed) -> StunOptions.bind(options));
    add(DiepPruning.DESCRIPTION, DiepOptions::bind);
    add(RandomPruning.DESCRIPTION, (options, seed) -> new RandomPruning(seed(options, seed)));
  }

  private void add(MethodDescription description, MethodBinder<PruneMethod> binder) {
    prune.put(description.name(), binder);
    descriptions.put(description.name(), description);
  }

  /// What there is to say about a method.
  Optional<MethodDescription> description(String name) {
    return Optional.ofNullable(descriptions.get(name));
  }

  /// A method without options, to ask what it needs.
  PruneMethod example(String name) {
    YamlNode noOptions = YamlNode.parse(Path.of(name), "{}".getBytes(StandardCharsets.UTF_8));
    return prune(name).orElseThrow().bind(noOptions, 0);
  }

  private static ActivationPruning activation(YamlNode options) {
    ActivationPruning standard = ActivationMembers.REAP;
    double b = options.optional("b").map(YamlNode::decimal).orElse(standard.b());
    int alpha = options.optional("alpha").map(power -> power.atLeast(0)).orElse(standard.alpha());
    int beta = options.optional("beta").map(power -> power.atLeast(0)).orElse(standard.beta());
    return new ActivationPruning(ActivationMembers.FAMILY.name(), b, alpha, beta);
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
