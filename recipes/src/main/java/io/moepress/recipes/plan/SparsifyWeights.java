package io.moepress.recipes.plan;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.LinearInput;
import io.moepress.formats.architecture.TensorRole;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Sets weights of a layer's linear maps to zero: of each output row those with the smallest
/// `|W_ij| · a_j`, of equal ones the lower column first. All other weights keep their bytes.
///
/// @param layer decoder layer index
/// @param method name of the method that decided
/// @param parts which weights, by what the maps read; no map is in two of them
public record SparsifyWeights(int layer, String method, List<Part> parts) implements PlanStep {

  public SparsifyWeights {
    parts = List.copyOf(parts);
    Checks.require(!parts.isEmpty(), "layer %d: nothing to set to zero", layer);
    LinearScope.requireApart(layer, parts.stream().flatMap(part -> part.linears().stream()));
  }

  @Override
  public List<PlanArray> arrays() {
    return parts.stream().map(Part::norms).filter(Objects::nonNull).toList();
  }

  /// Maps that read the same vector.
  ///
  /// @param input the vector
  /// @param linears their roles
  /// @param pattern how many weights of a row
  /// @param norms `a`, F32 `[1, in]`, or `[E, in]` for routed experts; null: all ones
  /// @param dense the experts whose weights all stay, ascending
  public record Part(
      LinearInput input,
      List<TensorRole> linears,
      ZeroPattern pattern,
      @Nullable PlanArray norms,
      List<Integer> dense) {
    public Part {
      linears = List.copyOf(linears);
      dense = List.copyOf(dense);
      Checks.require(!linears.isEmpty(), "input %s: no linear maps", input.label());
      for (TensorRole role : linears) {
        Checks.require(
            input.readers().contains(role),
            "input %s: %s reads another (expected some of %s)",
            input.label(),
            role,
            input.readers());
      }
      Checks.require(
          dense.isEmpty() || input.isOfExperts(),
          "input %s: experts %s stay dense, but it is not one of experts",
          input.label(),
          dense);
      for (int i = 0; i < dense.size(); i++) {
        Checks.require(
            dense.get(i) >= 0 && (i == 0 || dense.get(i) > dense.get(i - 1)),
            "input %s: dense experts must ascend without repeats: %s",
            input.label(),
            dense);
      }
    }
  }
}
