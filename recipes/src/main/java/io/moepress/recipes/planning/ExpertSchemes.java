package io.moepress.recipes.planning;

import io.moepress.formats.architecture.ExpertMatrix.Projection;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.recipes.plan.ExpertId;
import java.util.Map;
import java.util.SortedMap;

/// The schemes of routed experts.
public sealed interface ExpertSchemes {

  /// The scheme of an expert's matrix.
  IntegerScheme of(TensorId id);

  /// One for all.
  record Same(IntegerScheme scheme) implements ExpertSchemes {
    @Override
    public IntegerScheme of(TensorId id) {
      return scheme;
    }
  }

  /// Bits of its own for each matrix.
  ///
  /// @param like everything else
  record Chosen(IntegerScheme like, SortedMap<ExpertId, Map<Projection, Integer>> bits)
      implements ExpertSchemes {
    @Override
    public IntegerScheme of(TensorId id) {
      Map<Projection, Integer> matrices = bits.get(new ExpertId(id.layer(), id.expert()));
      Integer width = matrices == null ? null : matrices.get(projection(id.role()));
      if (width == null) {
        throw new IllegalStateException("no bits for " + id);
      }
      return withBits(like, width);
    }
  }

  /// A scheme with other bits. One bit is a sign: its grid is symmetric and has no 0.
  static IntegerScheme withBits(IntegerScheme scheme, int bits) {
    return new IntegerScheme(bits, bits == 1 || scheme.isSymmetric(), scheme.groupSize());
  }

  private static Projection projection(TensorRole role) {
    return switch (role) {
      case EXPERT_GATE -> Projection.GATE;
      case EXPERT_UP -> Projection.UP;
      case EXPERT_DOWN -> Projection.DOWN;
      default -> throw new IllegalArgumentException(role + " is no matrix of one expert");
    };
  }
}
