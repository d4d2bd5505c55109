package io.moepress.recipes.recipe;

import io.moepress.recipes.plan.MergeMethod;
import io.moepress.recipes.plan.PruneMethod;
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
}
