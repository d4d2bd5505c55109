package io.moepress.recipes.plan;

import io.moepress.recipes.evidence.Statistic;
import java.io.IOException;
import java.util.List;
import java.util.Set;

/// A published way to decide which experts become one, and how.
///
/// An implementation is a record, as a [PruneMethod] is: its components are the method's options,
/// and [#plan] is a pure function. The same request always gives the same steps, byte for byte.
public interface MergeMethod {

  /// The name by which a recipe asks for the method, such as `hc-smoe`.
  String name();

  /// The statistics the method needs.
  Set<Statistic> needs();

  /// Whether the method needs the sample of inputs, the reservoir, too.
  default boolean needsReservoir() {
    return false;
  }

  /// Makes sure that the method goes with what a recipe asks of every merge.
  ///
  /// @throws IllegalArgumentException when it does not
  default MergeOptions checked(MergeOptions options) {
    return options;
  }

  /// Makes sure that the method goes with what a recipe asks of the numbers of experts.
  ///
  /// @throws IllegalArgumentException when it does not
  default CountOptions checked(CountOptions counts) {
    return counts;
  }

  /// How the method spreads a budget over layers when the recipe does not say.
  default AllocationMode defaultAllocation() {
    return AllocationMode.UNIFORM;
  }

  /// Decides every layer that has experts, in ascending order.
  ///
  /// @throws IOException when weights cannot be read
  List<MergeExperts> plan(MergeRequest request) throws IOException;
}
