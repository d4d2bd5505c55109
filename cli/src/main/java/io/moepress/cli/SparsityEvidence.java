package io.moepress.cli;

import io.moepress.calibrate.measure.LayerDecision;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceFile;
import io.moepress.recipes.evidence.LayerEvidence;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.recipes.plan.SparsityRequest;
import io.moepress.recipes.plan.ZeroPattern;
import io.moepress.recipes.planning.DecidedSparsity;
import io.moepress.recipes.planning.LayerSparsifier;
import io.moepress.recipes.planning.Planner;
import io.moepress.recipes.planning.Planner.Planned;
import io.moepress.recipes.planning.Planner.Subject;
import io.moepress.recipes.recipe.SparsifyStep;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedMap;

/// Gets what a step that sets weights to zero is decided from. A method that compares layers sees
/// the model as it is first; then, unless the recipe says otherwise, a second pass measures each
/// layer behind its predecessors as they will be.
///
/// @param step what the recipe asks for
/// @param current the model
/// @param unmeasured what is planned on, without evidence
/// @param directory where evidence is kept that was measured while layers were changed
record SparsityEvidence(SparsifyStep step, MoeModel current, Subject unmeasured, Path directory) {

  /// What is planned on, with evidence of the model as it is.
  @FunctionalInterface
  interface AsItIs {
    /// Measures, or finds, the evidence.
    Subject subject() throws IOException;
  }

  /// A pass that changes layers as it goes.
  @FunctionalInterface
  interface Changing {
    /// Measures, or finds, the evidence.
    Evidence measure(LayerDecision decision, Path directory) throws IOException;
  }

  /// Plans the step.
  Planned plan(AsItIs asItIs, Changing changing) throws IOException {
    if (!step.method().readsInputs()) {
      return Planner.planned(current, step, unmeasured);
    }
    if (!step.isSequential()) {
      return Planner.planned(current, step, asItIs.subject());
    }
    SortedMap<Integer, ZeroPattern> patterns =
        step.method()
            .patterns(
                new SparsityRequest(current, compared(asItIs), step.pattern(), step.options()));
    SparsifyStep decided = step.with(new DecidedSparsity(step.name(), patterns));
    LayerSparsifier sparsifier = new LayerSparsifier(current, decided, patterns);
    Evidence evidence = changing.measure(new Decision(sparsifier), directory);
    return Planner.planned(
        current,
        decided,
        new Subject(
            unmeasured.previous(),
            unmeasured.checkpoint(),
            evidence,
            EvidenceFile.digest(directory),
            unmeasured.target()));
  }

  /// What a method compares layers by.
  private Evidence compared(AsItIs asItIs) throws IOException {
    if (!step.method().comparesLayers()) {
      return Evidence.of(current);
    }
    Evidence evidence = asItIs.subject().evidence();
    if (evidence == null) {
      throw Planner.needsEvidence(step.name(), step.needs());
    }
    if (evidence.propagation() != null) {
      throw new PlanMismatchException(
          "method %s compares layers as they are, but the evidence was measured with each layer changed"
              + " before the next: %s. Calibrate again.",
          step.name(), evidence.propagation());
    }
    return evidence;
  }

  /// Decides while layers are measured what the plan will say.
  private record Decision(LayerSparsifier sparsifier) implements LayerDecision {
    @Override
    public String description() {
      return sparsifier.description();
    }

    @Override
    public List<? extends PlanStep> decide(LayerEvidence evidence) {
      return sparsifier.decide(evidence).stream().toList();
    }
  }
}
