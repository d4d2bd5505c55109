package io.moepress.calibrate.measure;

import io.moepress.recipes.evidence.LayerEvidence;
import io.moepress.recipes.plan.PlanStep;
import java.io.IOException;
import java.util.List;

/// Decides about each layer as soon as it is measured. The pass goes on with the layer as it will
/// be, so that every layer is measured on what the decisions before it leave.
public interface LayerDecision {

  /// What it does, in words on which everything it decides depends, beside the evidence. They stand
  /// in the evidence.
  String description();

  /// Decides about one layer. A pure function of its evidence, so that whoever asks again later
  /// gets the same.
  ///
  /// @param evidence of the layer, behind the decisions about the layers before it
  /// @return steps that change this layer and no other; none when it stays as it is
  List<? extends PlanStep> decide(LayerEvidence evidence) throws IOException;
}
