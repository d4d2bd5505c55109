package io.moepress.recipes.plan;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.integer.IntegerScheme;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Makes the weights of a layer's linear maps integers with scales.
///
/// @param layer decoder layer index
/// @param method name of the method that decided
/// @param storage how they stand in the result, the same in every layer
/// @param parts which weights; no map is in two of them
public record QuantizeWeights(int layer, String method, QuantizedStorage storage, List<Part> parts)
    implements PlanStep {

  public QuantizeWeights {
    parts = List.copyOf(parts);
    Checks.require(!parts.isEmpty(), "layer %d: nothing to quantise", layer);
    LinearScope.requireApart(layer, parts.stream().flatMap(part -> part.linears().stream()));
  }

  @Override
  public List<PlanArray> arrays() {
    return parts.stream().flatMap(part -> part.codes().stream()).toList();
  }

  /// Maps with the same schemes.
  ///
  /// @param linears their roles
  /// @param schemes one for all matrices, or one for each expert
  /// @param codes the codes, scales and zero points of each matrix, as
  ///   [io.moepress.formats.integer.IntegerMatrix#words()] gives them: for the first map those of
  ///   all its experts, then those of the next map; empty: each weight becomes the nearest value of
  ///   the grid that its group's range asks for
  public record Part(List<TensorRole> linears, List<IntegerScheme> schemes, List<PlanArray> codes) {
    public Part {
      linears = List.copyOf(linears);
      schemes = List.copyOf(schemes);
      codes = List.copyOf(codes);
      Checks.require(
          !linears.isEmpty() && !schemes.isEmpty(), "maps %s with schemes %s", linears, schemes);
      boolean experts = linears.stream().allMatch(TensorRole::isExpert);
      Checks.require(
          experts || schemes.size() == 1, "maps %s with %d schemes", linears, schemes.size());
      Checks.require(
          codes.size() % linears.size() == 0, "%d matrices for %s", codes.size(), linears);
    }

    /// Rounds to nearest, all with one scheme.
    public Part(List<TensorRole> linears, IntegerScheme scheme) {
      this(linears, List.of(scheme), List.of());
    }

    /// The scheme of an expert, or, where the maps are not of experts, of the map.
    public IntegerScheme scheme(int expert) {
      return schemes.get(schemes.size() == 1 ? 0 : expert);
    }

    /// The codes of an expert's matrix, or of a map's; null: they follow from its weights.
    public @Nullable PlanArray codes(TensorRole role, int expert) {
      if (codes.isEmpty()) {
        return null;
      }
      int each = codes.size() / linears.size();
      return codes.get(linears.indexOf(role) * each + Math.max(0, expert));
    }
  }
}
