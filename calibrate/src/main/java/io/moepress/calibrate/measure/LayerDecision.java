package io.moepress.calibrate.measure;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.recipes.evidence.LayerEvidence;
import io.moepress.recipes.lowering.LoweredPlan;
import java.io.IOException;
import java.util.Optional;

/// Decides about each layer as soon as it is measured. The pass goes on with the layer as it will
/// be, so that every layer is measured on what the decisions before it leave.
public interface LayerDecision {
  /// What it does, in words on which everything it decides depends, beside the evidence. They stand
  /// in the evidence.
  String description();

  /// Decides about one layer. A pure function.
  ///
  /// @param model the model that is measured
  /// @param evidence of the layer, behind the decisions about the layers before it
  /// @return the model with this one layer changed; nothing when it stays as it is
  Optional<LoweredPlan> decide(MoeModel model, LayerEvidence evidence) throws IOException;
}
