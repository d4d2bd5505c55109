package io.moepress.recipes.recipe;

import io.moepress.recipes.plan.BitMethod;
import io.moepress.recipes.plan.MergeMethod;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.plan.QuantizeMethod;
import io.moepress.recipes.plan.SparsityMethod;
import java.util.Optional;
import java.util.Set;

/// The methods a recipe may name.
public interface MethodCatalog {
  /// The binder of a pruning method; present for each of [#pruneNames()].
  Optional<MethodBinder<PruneMethod>> prune(String name);

  /// The names of the pruning methods, in the order in which messages list them.
  Set<String> pruneNames();

  /// The binder of a merging method; present for each of [#mergeNames()].
  Optional<MethodBinder<MergeMethod>> merge(String name);

  /// The names of the merging methods, in the order in which messages list them.
  Set<String> mergeNames();

  /// The binder of a way to set weights to zero; present for each of [#sparsityNames()].
  default Optional<MethodBinder<SparsityMethod>> sparsity(String name) {
    return Optional.empty();
  }

  /// The binder of a way to quantise; present for each of [#quantizeNames()].
  default Optional<MethodBinder<QuantizeMethod>> quantize(String name) {
    return Optional.empty();
  }

  /// The binder of a method for bits; present for each of [#bitNames()].
  default Optional<MethodBinder<BitMethod>> bits(String name) {
    return Optional.empty();
  }

  /// The names of the methods for bits, in the order in which messages list them.
  default Set<String> bitNames() {
    return Set.of();
  }

  /// The names of the ways to quantise, in the order in which messages list them.
  default Set<String> quantizeNames() {
    return Set.of();
  }

  /// The names of the ways to set weights to zero, in the order in which messages list them.
  default Set<String> sparsityNames() {
    return Set.of();
  }
}
