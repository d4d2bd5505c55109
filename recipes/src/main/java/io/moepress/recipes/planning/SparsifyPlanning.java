package io.moepress.recipes.planning;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.LinearShape;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.plan.ExpertId;
import io.moepress.recipes.plan.LinearScope;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.recipes.plan.SparsifyWeights;
import io.moepress.recipes.plan.SparsityOptions;
import io.moepress.recipes.plan.SparsityRequest;
import io.moepress.recipes.plan.StarvedMode;
import io.moepress.recipes.recipe.SparsifyStep;
import io.moepress.recipes.target.ExpertNumbers;
import io.moepress.recipes.target.Finding;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// Plans a step that sets weights to zero.
///
/// @param model what is changed
/// @param step what the recipe asks for
/// @param common what all kinds of steps need
record SparsifyPlanning(MoeModel model, SparsifyStep step, PlanningContext common)
    implements StepPlanning {
  private static final int LISTED = 64;

  @Override
  public List<Finding> preflight() {
    requireScope();
    return common.checkTarget(ExpertNumbers.of(model.layout()));
  }

  private void requireScope() {
    LinearScope scope = step.options().scope();
    boolean any = false;
    for (int layer = 0; layer < model.layout().layers(); layer++) {
      for (TensorId id : scope.in(model, layer)) {
        any = true;
        requireFitting(id);
      }
    }
    if (!any) {
      throw new PlanMismatchException(
          "scope: %s: this model has no such weights. Use \"scope: all-linear\".", scope.label());
    }
  }

  private void requireFitting(TensorId id) {
    long inputs = LinearShape.of(model, id).inputs();
    if (!step.pattern().fits(inputs)) {
      throw new PlanMismatchException(
          "pattern: %s: the rows of %s have %d weights (expected a multiple of %d). Use a share such"
              + " as \"sparsity: 50%%\".",
          step.pattern(), model.inventory().name(id), inputs, step.pattern().every());
    }
  }

  @Override
  public @Nullable String propagation() throws IOException {
    if (!step.isSequential()) {
      return null;
    }
    Checks.require(!step.method().comparesLayers(), "%s: layers are not compared yet", step.name());
    return sparsifier(Evidence.of(model)).description();
  }

  @Override
  public List<PlanStep> decide(Evidence evidence) throws IOException {
    requireScope();
    common.checkTarget(ExpertNumbers.of(model.layout()));
    LayerSparsifier sparsifier = sparsifier(evidence);
    List<SparsifyWeights> steps = new ArrayList<>();
    for (int layer : sparsifier.patterns().keySet()) {
      sparsifier.decide(evidence.layer(layer)).ifPresent(steps::add);
    }
    noteZeros(steps);
    noteStarved(evidence, steps);
    return List.copyOf(steps);
  }

  private LayerSparsifier sparsifier(Evidence evidence) throws IOException {
    SparsityRequest request = new SparsityRequest(model, evidence, step.pattern(), step.options());
    return new LayerSparsifier(model, step, step.method().patterns(request));
  }

  private void noteZeros(List<SparsifyWeights> steps) {
    SparsityOptions options = step.options();
    ZeroCount count = ZeroCount.of(model, options.scope(), steps);
    long all = model.checkpoint().parameterCount();
    common.note(
        Checks.text(
            "zeros: %.2f%% of the %,d weights in scope (%s), %.2f%% of all parameters",
            100.0 * count.zeros() / Math.max(1, count.weights()),
            count.weights(),
            options.scope().label(),
            100.0 * count.zeros() / Math.max(1, all)));
    common.note(
        "zeros are stored like any other weight: no stock runtime loads the result in less memory, or"
            + " runs it faster");
    if (options.scope() == LinearScope.ALL_LINEAR) {
      common.note("change of function: routers and attention lose weights, too");
    }
    if (step.method().readsInputs()) {
      common.note(
          options.sequential()
              ? "each layer was measured behind its predecessors as they will be"
              : "all layers were measured in the model as it was");
    }
  }

  private void noteStarved(Evidence evidence, List<SparsifyWeights> steps) {
    SortedSet<ExpertId> starved = new TreeSet<>();
    for (SparsifyWeights decided : steps) {
      evidence
          .layer(decided.layer())
          .starved()
          .forEach(expert -> starved.add(new ExpertId(decided.layer(), expert)));
    }
    if (starved.isEmpty() || !step.method().readsInputs()) {
      return;
    }
    String what =
        step.options().starved() == StarvedMode.SKIP
            ? "all their weights stay"
            : "the smallest of their weights go";
    String more =
        starved.size() > LISTED ? Checks.text(" and %d more", starved.size() - LISTED) : "";
    common.note(
        Checks.text(
            "%d experts saw no calibration token, so %s (layer:expert): %s%s",
            starved.size(), what, starved.stream().limit(LISTED).toList(), more));
  }
}
