package io.moepress.recipes.planning;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.LinearInput;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.tensor.Shape;
import io.moepress.recipes.evidence.LayerEvidence;
import io.moepress.recipes.plan.InputNorms;
import io.moepress.recipes.plan.LinearScope;
import io.moepress.recipes.plan.PlanArray;
import io.moepress.recipes.plan.SparsifyWeights;
import io.moepress.recipes.plan.SparsifyWeights.Part;
import io.moepress.recipes.plan.ZeroPattern;
import io.moepress.recipes.recipe.SparsifyStep;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;

/// Decides which weights of a layer become zero. What it decides is a function of the layer's
/// evidence, whether it is asked while that is measured or afterwards.
///
/// @param model names and shapes; no weights are read
/// @param step what the recipe asks for
/// @param patterns by decoder layer
public record LayerSparsifier(
    MoeModel model, SparsifyStep step, SortedMap<Integer, ZeroPattern> patterns) {

  /// Everything that decides, beside the evidence.
  public String description() {
    return Checks.text("%s; %s; by layer %s", step.name(), step.options(), patterns);
  }

  /// Decides about one layer; nothing where nothing of it is in scope.
  public Optional<SparsifyWeights> decide(LayerEvidence evidence) {
    int layer = evidence.layer();
    ZeroPattern pattern = patterns.get(layer);
    if (pattern == null) {
      return Optional.empty();
    }
    List<Part> parts = new ArrayList<>();
    maps(layer).forEach((input, roles) -> parts.add(part(evidence, input, roles, pattern)));
    return parts.isEmpty()
        ? Optional.empty()
        : Optional.of(new SparsifyWeights(layer, step.name(), parts));
  }

  /// The roles in scope that a layer has, by what they read.
  private Map<LinearInput, Set<TensorRole>> maps(int layer) {
    Map<LinearInput, Set<TensorRole>> maps = new EnumMap<>(LinearInput.class);
    LinearScope scope = step.options().scope();
    for (TensorId id : scope.in(model, layer)) {
      LinearInput input = LinearInput.of(id.role()).orElseThrow();
      maps.computeIfAbsent(input, absent -> EnumSet.noneOf(TensorRole.class)).add(id.role());
    }
    return maps;
  }

  private Part part(
      LayerEvidence evidence, LinearInput input, Set<TensorRole> roles, ZeroPattern pattern) {
    if (!step.method().readsInputs()) {
      return new Part(input, List.copyOf(roles), pattern, null, List.of());
    }
    InputNorms norms = norms(input, evidence);
    List<Integer> dense =
        switch (step.options().starved()) {
          case SKIP -> norms.starved();
          case MAGNITUDE -> List.of();
        };
    return new Part(input, List.copyOf(roles), pattern, array(evidence, input, norms), dense);
  }

  private InputNorms norms(LinearInput input, LayerEvidence evidence) {
    return InputNorms.of(input, evidence, step.options().gatePower());
  }

  private PlanArray array(LayerEvidence evidence, LinearInput input, InputNorms norms) {
    Shape shape = Shape.of(norms.rows().length, norms.rows()[0].length);
    String name = Checks.text("layer %d: norms of %s", evidence.layer(), input.label());
    return PlanArray.floats(name, shape, () -> norms(input, evidence).floats());
  }
}
