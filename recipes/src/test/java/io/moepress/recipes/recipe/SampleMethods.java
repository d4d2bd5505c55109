package io.moepress.recipes.recipe;

import io.moepress.formats.Checks;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.BitAllocation;
import io.moepress.recipes.plan.BitCosts;
import io.moepress.recipes.plan.BitLimits;
import io.moepress.recipes.plan.BitMethod;
import io.moepress.recipes.plan.BitRequest;
import io.moepress.recipes.plan.BitScope;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeMethod;
import io.moepress.recipes.plan.MergeOptions;
import io.moepress.recipes.plan.MergeRequest;
import io.moepress.recipes.plan.MergeRouter;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.plan.PruneRequest;
import io.moepress.recipes.plan.QuantizeMethod;
import io.moepress.recipes.plan.SparsityMethod;
import io.moepress.recipes.plan.SparsityRequest;
import io.moepress.recipes.plan.ZeroPattern;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/// A catalog of methods that decide nothing: one without options, one that draws lots, one whose
/// constructor is strict.
final class SampleMethods implements MethodCatalog {
  /// Decides nothing and needs nothing.
  interface Idle extends PruneMethod {
    @Override
    default Set<Statistic> needs() {
      return Set.of();
    }

    @Override
    default List<KeepExperts> plan(PruneRequest request) {
      return List.of();
    }
  }

  /// Has no options.
  record Plain(String name) implements Idle {}

  /// Takes the seed of the recipe unless it is given one.
  record Random(long seed) implements Idle {
    @Override
    public String name() {
      return "random";
    }
  }

  /// Refuses a weight above 1.
  record Strict(double weight) implements Idle {
    Strict {
      Checks.require(weight <= 1, "strict: weight must be at most 1: %s", weight);
    }

    @Override
    public String name() {
      return "strict";
    }
  }

  /// Merges nothing, and needs nothing.
  record Gather() implements MergeMethod {
    @Override
    public String name() {
      return "gather";
    }

    @Override
    public Set<Statistic> needs() {
      return Set.of();
    }

    @Override
    public MergeOptions checked(MergeOptions options) {
      Checks.require(options.router() != MergeRouter.FREQUENCY_MEAN, "gather: no frequency-mean");
      return options;
    }

    @Override
    public List<MergeExperts> plan(MergeRequest request) {
      return List.of();
    }
  }

  /// Finds no codes.
  record IdleCodes() implements QuantizeMethod {
    @Override
    public String name() {
      return "idle-codes";
    }
  }

  /// Knows no costs.
  record IdleBits() implements BitMethod {
    @Override
    public String name() {
      return "idle-bits";
    }

    @Override
    public Set<Statistic> needs(List<Integer> widths) {
      return Set.of();
    }

    @Override
    public List<Integer> defaultWidths() {
      return List.of(1, 3);
    }

    @Override
    public BitScope defaultScope() {
      return BitScope.MODEL;
    }

    @Override
    public BitCosts costs(BitRequest request) {
      throw new UnsupportedOperationException();
    }

    @Override
    public BitAllocation allocate(BitCosts costs, BitLimits limits) {
      throw new UnsupportedOperationException();
    }
  }

  /// Sets nothing to zero, and takes shares up to half, or runs.
  record IdleSparsity() implements SparsityMethod {
    @Override
    public String name() {
      return "idle";
    }

    @Override
    public void requireTaken(ZeroPattern pattern) {
      Checks.require(
          pattern.share().doubleValue() <= 0.5, "sparsity: %s (expected at most 50%%)", pattern);
    }

    @Override
    public SortedMap<Integer, ZeroPattern> patterns(SparsityRequest request) {
      return new TreeMap<>();
    }
  }

  private final Map<String, MethodBinder<PruneMethod>> binders = new LinkedHashMap<>();

  SampleMethods() {
    binders.put("easy-ep", (step, seed) -> new Plain("easy-ep"));
    binders.put(
        "random",
        (step, seed) -> new Random(step.optional("seed").map(YamlNode::integer).orElse(seed)));
    binders.put(
        "strict", (step, seed) -> new Strict(step.required("weight", "a number").decimal()));
  }

  @Override
  public Optional<MethodBinder<PruneMethod>> prune(String name) {
    return Optional.ofNullable(binders.get(name));
  }

  @Override
  public Set<String> pruneNames() {
    return binders.keySet();
  }

  @Override
  public Optional<MethodBinder<MergeMethod>> merge(String name) {
    return name.equals("gather") ? Optional.of((step, seed) -> new Gather()) : Optional.empty();
  }

  @Override
  public Set<String> mergeNames() {
    return Set.of("gather");
  }

  @Override
  public Optional<MethodBinder<SparsityMethod>> sparsity(String name) {
    return name.equals("idle") ? Optional.of((step, seed) -> new IdleSparsity()) : Optional.empty();
  }

  @Override
  public Optional<MethodBinder<BitMethod>> bits(String name) {
    return name.equals("idle-bits")
        ? Optional.of((step, seed) -> new IdleBits())
        : Optional.empty();
  }

  @Override
  public Set<String> bitNames() {
    return Set.of("idle-bits");
  }

  @Override
  public Optional<MethodBinder<QuantizeMethod>> quantize(String name) {
    return name.equals("idle-codes")
        ? Optional.of((step, seed) -> new IdleCodes())
        : Optional.empty();
  }

  @Override
  public Set<String> quantizeNames() {
    return Set.of("idle-codes");
  }

  @Override
  public Set<String> sparsityNames() {
    return Set.of("idle");
  }
}
