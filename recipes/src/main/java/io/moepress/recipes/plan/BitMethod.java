package io.moepress.recipes.plan;

import io.moepress.recipes.evidence.Statistic;
import java.io.IOException;
import java.util.List;
import java.util.Set;

/// A published way to tell what a few bits cost: how much worse the model becomes when an expert's
/// weights get this width or that. What to spend where follows from the costs alone.
///
/// An implementation is a record: its components are the method's options, its compact constructor
/// checks them, its Javadoc holds the formula and the source, and [#costs] is a pure function.
public interface BitMethod {

  /// The name by which a recipe asks for the method, such as `pmq`.
  String name();

  /// The statistics the method needs for these widths; empty when it needs no calibration.
  Set<Statistic> needs(List<Integer> widths);

  /// The widths that weights may have when the recipe does not say.
  List<Integer> defaultWidths();

  /// Over what the method spreads a budget when the recipe does not say.
  BitScope defaultScope();

  /// What each width costs each expert, or each of its matrices.
  ///
  /// @throws IOException when weights cannot be read
  BitCosts costs(BitRequest request) throws IOException;

  /// Spends bits where they save most.
  BitAllocation allocate(BitCosts costs, BitLimits limits);
}
