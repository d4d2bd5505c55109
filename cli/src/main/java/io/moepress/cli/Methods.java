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
import io.moepress.prune.MagnitudeSparsity;
import io.moepress.prune.OwlSparsity;
import io.moepress.prune.RandomPruning;
import io.moepress.prune.StunPruning;
import io.moepress.prune.WandaSparsity;
import io.moepress.quantize.AlphaQ;
import io.moepress.quantize.GptqQuantization;
import io.moepress.quantize.Pmq;
import io.moepress.quantize.RandomBits;
import io.moepress.quantize.RoundToNearest;
import io.moepress.recipes.evidence.LinearStatistic;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.BitMethod;
import io.moepress.recipes.plan.KeepRatio;
import io.moepress.recipes.plan.MergeMethod;
import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.plan.QuantizeMethod;
import io.moepress.recipes.plan.SparsityMethod;
import io.moepress.recipes.plan.SparsityOptions;
import io.moepress.recipes.plan.ZeroPattern;
import io.moepress.recipes.recipe.MethodBinder;
import io.moepress.recipes.recipe.MethodCatalog;
import io.moepress.recipes.recipe.QuantizeStep;
import io.moepress.recipes.recipe.SparsifyStep;
import io.moepress.recipes.recipe.YamlNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/// Every method a recipe may name: one line each.
final class Methods implements MethodCatalog {
  static final String PRUNE = "prune";
  static final String MERGE = "merge";
  static final String SPARSIFY = "sparsify";
  static final String QUANTIZE = "quantize";

  private final Map<String, MethodDescription> descriptions = new LinkedHashMap<>();
  private final Kind<PruneMethod> prune = new Kind<>(PRUNE);
  private final Kind<MergeMethod> merge = new Kind<>(MERGE);
  private final Kind<SparsityMethod> sparsity = new Kind<>(SPARSIFY);
  private final Kind<QuantizeMethod> quantize = new Kind<>(QUANTIZE);
  private final Kind<BitMethod> bits = new Kind<>(QUANTIZE);

  Methods() {
    prune.add(EasyEpPruning.DESCRIPTION, (options, seed) -> new EasyEpPruning());
    ActivationMembers.ALL.forEach(
        member -> prune.add(member.description(), (options, seed) -> member.method()));
    prune.add(ActivationMembers.FAMILY, (options, seed) -> activation(options));
    prune.add(AimerPruning.DESCRIPTION, (options, seed) -> new AimerPruning());
    prune.add(StunPruning.DESCRIPTION, (options, seed) -> StunOptions.bind(options));
    prune.add(DiepPruning.DESCRIPTION, DiepOptions::bind);
    prune.add(RandomPruning.DESCRIPTION, (options, seed) -> new RandomPruning(seed(options, seed)));
    merge.add(HcSmoeMerging.DESCRIPTION, (options, seed) -> hcSmoe(options));
    merge.add(SubMoeMerging.DESCRIPTION, Methods::subMoe);
    sparsity.add(WandaSparsity.DESCRIPTION, (options, seed) -> new WandaSparsity());
    sparsity.add(OwlSparsity.DESCRIPTION, (options, seed) -> owl(options));
    sparsity.add(MagnitudeSparsity.DESCRIPTION, (options, seed) -> new MagnitudeSparsity());
    quantize.add(RoundToNearest.DESCRIPTION, (options, seed) -> new RoundToNearest());
    quantize.add(GptqQuantization.DESCRIPTION, (options, seed) -> GptqOptions.bind(options));
    bits.add(Pmq.DESCRIPTION, (options, seed) -> pmq(options));
    bits.add(AlphaQ.DESCRIPTION, (options, seed) -> alphaQ(options));
    bits.add(RandomBits.DESCRIPTION, (options, seed) -> new RandomBits(seed(options, seed)));
  }

  /// The methods for one kind of step.
  ///
  /// @param <M> what they are
  private final class Kind<M> {
    private final String step;
    private final Map<String, MethodBinder<M>> binders = new LinkedHashMap<>();

    Kind(String step) {
      this.step = step;
    }

    void add(MethodDescription description, MethodBinder<M> binder) {
      binders.put(description.name(), binder);
      descriptions.put(description.name(), description);
    }

    Optional<MethodBinder<M>> binder(String name) {
      return Optional.ofNullable(binders.get(name));
    }

    Set<String> names() {
      return Collections.unmodifiableSet(binders.keySet());
    }

    /// A method without options, to ask what it needs.
    M example(String name) {
      YamlNode noOptions = YamlNode.parse(Path.of(name), "{}".getBytes(StandardCharsets.UTF_8));
      return binder(name).orElseThrow().bind(noOptions, 0);
    }
  }

  /// The names of all methods, of whatever kind.
  List<String> names() {
    return List.copyOf(descriptions.keySet());
  }

  /// The names of the methods for some kinds of steps.
  List<String> names(String... steps) {
    return descriptions.keySet().stream()
        .filter(name -> List.of(steps).contains(step(name)))
        .toList();
  }

  /// What there is to say about a method.
  Optional<MethodDescription> description(String name) {
    return Optional.ofNullable(descriptions.get(name));
  }

  /// The step of a recipe that a method is for.
  String step(String name) {
    return Stream.of(prune, merge, sparsity, quantize, bits)
        .filter(kind -> kind.names().contains(name))
        .map(kind -> kind.step)
        .findFirst()
        .orElseThrow();
  }

  /// The statistics, by name, that a method needs when it is given no options.
  List<String> needs(String name) {
    List<String> needs =
        switch (step(name)) {
          case PRUNE -> Statistic.labels(prune.example(name).needs());
          case MERGE -> Statistic.labels(merge.example(name).needs());
          case QUANTIZE ->
              bits.names().contains(name)
                  ? needs(bits.example(name))
                  : Statistic.labels(QuantizeStep.needs(quantize.example(name)));
          default -> needs(sparsity.example(name));
        };
    return needs.stream().sorted().toList();
  }

  private static List<String> needs(SparsityMethod method) {
    SparsifyStep step = new SparsifyStep(method, ZeroPattern.parse("50%"), SparsityOptions.DEFAULT);
    List<String> needs = new ArrayList<>(Statistic.labels(step.needs()));
    needs.addAll(LinearStatistic.labels(step.linears()));
    return needs;
  }

  private static List<String> needs(BitMethod method) {
    return Statistic.labels(method.needs(method.defaultWidths()));
  }

  private static Pmq pmq(YamlNode options) {
    Pmq standard = Pmq.DEFAULT;
    return new Pmq(
        options.optional("alpha").map(YamlNode::decimal).orElse(standard.alpha()),
        options.optional("beta").map(YamlNode::decimal).orElse(standard.beta()),
        options.optional("gamma").map(YamlNode::decimal).orElse(standard.gamma()),
        options.optional("present").map(node -> node.atLeast(0)).orElse(standard.present()));
  }

  private static AlphaQ alphaQ(YamlNode options) {
    AlphaQ standard = AlphaQ.DEFAULT;
    return new AlphaQ(
        options.optional("gamma").map(YamlNode::decimal).orElse(standard.gamma()),
        options
            .optional("tail")
            .map(node -> node.choice(AlphaQ.Fit.labels(), AlphaQ.Fit::named))
            .orElse(standard.fit()));
  }

  /// A way to set weights to zero without options, to ask what it needs.
  SparsityMethod sparsityExample(String name) {
    return sparsity.example(name);
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
    int window = options.optional("window").map(count -> count.atLeast(1)).orElse(1);
    boolean whiten = options.optional("whiten").map(YamlNode::flag).orElse(false);
    return new SubMoeMerging(rank.orElse(null), whiten, window, starts, seed(options, seed));
  }

  private static Optional<KeepRatio> rank(String text) {
    return text.equals("full") ? Optional.empty() : Optional.of(KeepRatio.parse(text));
  }

  private static OwlSparsity owl(YamlNode options) {
    return new OwlSparsity(
        options.optional("lambda").map(YamlNode::decimal).orElse(OwlSparsity.DEFAULT_LAMBDA),
        options
            .optional("outlier-threshold")
            .map(YamlNode::decimal)
            .orElse(OwlSparsity.DEFAULT_OUTLIER_THRESHOLD));
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
    return prune.binder(name);
  }

  @Override
  public Set<String> pruneNames() {
    return prune.names();
  }

  @Override
  public Optional<MethodBinder<MergeMethod>> merge(String name) {
    return merge.binder(name);
  }

  @Override
  public Set<String> mergeNames() {
    return merge.names();
  }

  @Override
  public Optional<MethodBinder<BitMethod>> bits(String name) {
    return bits.binder(name);
  }

  @Override
  public Set<String> bitNames() {
    return bits.names();
  }

  @Override
  public Optional<MethodBinder<QuantizeMethod>> quantize(String name) {
    return quantize.binder(name);
  }

  @Override
  public Set<String> quantizeNames() {
    return quantize.names();
  }

  @Override
  public Optional<MethodBinder<SparsityMethod>> sparsity(String name) {
    return sparsity.binder(name);
  }

  @Override
  public Set<String> sparsityNames() {
    return sparsity.names();
  }
}
