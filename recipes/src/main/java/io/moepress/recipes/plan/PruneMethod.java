package io.moepress.recipes.plan;

import io.moepress.recipes.evidence.Statistic;
import java.io.IOException;
import java.util.List;
import java.util.Set;

/// A published way to decide which experts stay.
///
/// An implementation is a record: its components are the method's options, its compact constructor
/// checks them, its Javadoc holds the formula and the source, and [#plan] is a pure function. The
/// same request always gives the same steps, byte for byte.
public interface PruneMethod {

  /// The name by which a recipe asks for the method, such as `easy-ep`.
  String name();

  /// The statistics the method needs; empty when it needs no calibration.
  Set<Statistic> needs();

  /// Whether the method needs the sample of inputs, the reservoir, too.
  default boolean needsReservoir() {
    return false;
  }

  /// What a reader of the plan should know of where its decisions come from.
  default List<String> notes() {
    return List.of();
  }

  /// How the method spreads a budget over layers when the recipe does not say.
  default AllocationMode defaultAllocation() {
    return AllocationMode.UNIFORM;
  }

  /// Decides every layer that has experts, in ascending order. A method that gathers experts in
  /// groups before it drops most of each says so in its steps.
  ///
  /// @throws IOException when weights cannot be read
  List<? extends ExpertStep> plan(PruneRequest request) throws IOException;

  /// Decides again, with other numbers of experts and all else as before. A method that can spares
  /// the work it has already done.
  ///
  /// @param decided what it decided before
  /// @throws IOException when weights cannot be read
  default List<? extends ExpertStep> replan(
      List<? extends ExpertStep> decided, PruneRequest request) throws IOException {
    return plan(request);
  }
}
