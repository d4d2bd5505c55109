package io.moepress.recipes.plan;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;

/// One decision. The compiler lists every place that must learn a new kind.
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes({
  @JsonSubTypes.Type(value = IgnoreGroups.class, name = "ignore-groups"),
  @JsonSubTypes.Type(value = LowerTopK.class, name = "lower-top-k"),
  @JsonSubTypes.Type(value = KeepExperts.class, name = "keep-experts"),
  @JsonSubTypes.Type(value = PruneMultiTokenPrediction.class, name = "prune-multi-token-prediction")
})
public sealed interface PlanStep
    permits IgnoreGroups, LowerTopK, KeepExperts, PruneMultiTokenPrediction {}
