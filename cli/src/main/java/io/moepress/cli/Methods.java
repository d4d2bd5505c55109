package io.moepress.cli;

import io.moepress.merge.Features;
import io.moepress.merge.HcSmoeMerging;
import io.moepress.merge.Linkage;
import io.moepress.merge.SubMoeMerging;
import io.moepress.merge.Weighting;
import io.moepress.prune.ActivationMembers;
import io.moepress.prune.ActivationPruning;
import io.moepress.prune.AimerPruning;
import io.moepress.prune.DiepPruning;
import io.moepress.prune.EasyEpPruning;
import io.moepress.prune.RandomPruning;
import io.moepress.prune.StunPruning;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.KeepRatio;
import io.moepress.recipes.plan.MergeMethod;
import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.recipe.MethodBinder;
import io.moepress.recipes.recipe.MethodCatalog;
import io.moepress.recipes.recipe.YamlNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Every method a recipe may name: one line each.
final class Methods implements MethodCatalog {
  private final Map<String, MethodBinder<PruneMethod>> prune = new LinkedHashMap<>();
  private final Map<String, MethodBinder<MergeMethod>> merge = new LinkedHashMap<>();
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
    addMerge(HcSmoeMerging.DESCRIPTION, (options, seed) -> hcSmoe(options));
    addMerge(SubMoeMerging.DESCRIPTION, Methods::subMoe);
  }

  private static HcSmoeMerging hcSmoe(YamlNode options) {
    return new HcSmoeMerging(
        options
            .optional("linkage")
            .map(linkage -> linkage.choice(Linkage.labels(), Linkage::named))
            .orElse(Linkage.AVERAGE),
        options
            .optional("features")
            .map(features -> features.choice(Features.labels(), Features::named))
            .orElse(Features.OUTPUTS),
        options
            .optional("merge")
            .map(merge -> merge.choice(Weighting.labels(), Weighting::named))
            .orElse(Weighting.FREQUENCY));
  }

  private static SubMoeMerging subMoe(YamlNode options, long seed) {
    Optional<KeepRatio> rank =
        options
            .optional("rank")
            .flatMap(share -> share.parsed("a share such as 50%, or full", Methods::rank));
    int starts =
        options
            .optional("starts")
            .map(count -> count.atLeast(1))
            .orElse(SubMoeMerging.DEFAULT_STARTS);
    return new SubMoeMerging(rank.orElse(null), starts, seed(options, seed));
  }

  private static Optional<KeepRatio> rank(String text) {
    return text.equals("full") ? Optional.empty() : Optional.of(KeepRatio.parse(text));
  }

  private void addMerge(MethodDescription description, MethodBinder<MergeMethod> binder) {
    merge.put(description.name(), binder);
    descriptions.put(description.name(), description);
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

  /// What a method needs when it is given no options.
  Set<Statistic> needs(String name) {
    if (prune.containsKey(name)) {
      return example(name).needs();
    }
    YamlNode noOptions = YamlNode.parse(Path.of(name), "{}".getBytes(StandardCharsets.UTF_8));
    return merge(name).orElseThrow().bind(noOptions, 0).needs();
  }

  /// The step of a recipe that a method is for.
  String step(String name) {
    return prune.containsKey(name) ? "prune" : "merge";
  }

  /// The names of all methods.
  List<String> names() {
    return List.copyOf(descriptions.keySet());
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

  @Override
  public Optional<MethodBinder<MergeMethod>> merge(String name) {
    return Optional.ofNullable(merge.get(name));
  }

  @Override
  public Set<String> mergeNames() {
    return Collections.unmodifiableSet(merge.keySet());
  }
}
