package io.moepress.recipes.plan;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.util.List;
import java.util.Optional;

/// One decision. The compiler lists every place that must learn a new kind.
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes({
  @JsonSubTypes.Type(value = IgnoreGroups.class, name = "ignore-groups"),
  @JsonSubTypes.Type(value = LowerTopK.class, name = "lower-top-k"),
  @JsonSubTypes.Type(value = KeepExperts.class, name = "keep-experts"),
  @JsonSubTypes.Type(value = MergeExperts.class, name = "merge-experts"),
  @JsonSubTypes.Type(value = SparsifyWeights.class, name = "sparsify-weights"),
  @JsonSubTypes.Type(value = QuantizeWeights.class, name = "quantize-weights"),
  @JsonSubTypes.Type(value = PruneMultiTokenPrediction.class, name = "prune-multi-token-prediction")
})
public sealed interface PlanStep
    permits IgnoreGroups,
        LowerTopK,
        ExpertStep,
        SparsifyWeights,
        QuantizeWeights,
        PruneMultiTokenPrediction {

  /// The large arrays that this step names.
  default List<PlanArray> arrays() {
    return List.of();
  }

  /// The name of the method that decided; empty where a step follows from others or the recipe.
  default Optional<String> decidedBy() {
    return switch (this) {
      case ExpertStep experts -> Optional.of(experts.method());
      case SparsifyWeights sparsify -> Optional.of(sparsify.method());
      case QuantizeWeights quantize -> Optional.of(quantize.method());
      case IgnoreGroups _, LowerTopK _, PruneMultiTokenPrediction _ -> Optional.empty();
    };
  }
}
