package io.moepress.formats.architecture;

import com.fasterxml.jackson.annotation.JsonProperty;

/// What a tensor is for. Architecture files use the names in quotes.
public enum TensorRole {
  @JsonProperty("embedding")
  EMBEDDING(Scope.MODEL),
  @JsonProperty("final-norm")
  FINAL_NORM(Scope.MODEL),
  @JsonProperty("output-head")
  OUTPUT_HEAD(Scope.MODEL),

  @JsonProperty("attention-norm")
  ATTENTION_NORM(Scope.LAYER),
  @JsonProperty("query")
  QUERY(Scope.LAYER),
  @JsonProperty("query-bias")
  QUERY_BIAS(Scope.LAYER),
  @JsonProperty("query-norm")
  QUERY_NORM(Scope.LAYER),
  @JsonProperty("key")
  KEY(Scope.LAYER),
  @JsonProperty("key-bias")
  KEY_BIAS(Scope.LAYER),
  @JsonProperty("key-norm")
  KEY_NORM(Scope.LAYER),
  @JsonProperty("value")
  VALUE(Scope.LAYER),
  @JsonProperty("value-bias")
  VALUE_BIAS(Scope.LAYER),
  @JsonProperty("query-compress")
  QUERY_COMPRESS(Scope.LAYER),
  @JsonProperty("query-compress-norm")
  QUERY_COMPRESS_NORM(Scope.LAYER),
  @JsonProperty("query-expand")
  QUERY_EXPAND(Scope.LAYER),
  @JsonProperty("key-value-compress")
  KEY_VALUE_COMPRESS(Scope.LAYER),
  @JsonProperty("key-value-compress-norm")
  KEY_VALUE_COMPRESS_NORM(Scope.LAYER),
  @JsonProperty("key-value-expand")
  KEY_VALUE_EXPAND(Scope.LAYER),
  @JsonProperty("attention-output")
  ATTENTION_OUTPUT(Scope.LAYER),
  @JsonProperty("attention-output-bias")
  ATTENTION_OUTPUT_BIAS(Scope.LAYER),
  @JsonProperty("attention-sinks")
  ATTENTION_SINKS(Scope.LAYER),
  @JsonProperty("feed-forward-norm")
  FEED_FORWARD_NORM(Scope.LAYER),

  @JsonProperty("router")
  ROUTER(Scope.MOE_LAYER),
  @JsonProperty("router-bias")
  ROUTER_BIAS(Scope.MOE_LAYER),
  @JsonProperty("selection-bias")
  SELECTION_BIAS(Scope.MOE_LAYER),
  @JsonProperty("expert-gate")
  EXPERT_GATE(Scope.EXPERT),
  @JsonProperty("expert-up")
  EXPERT_UP(Scope.EXPERT),
  @JsonProperty("expert-down")
  EXPERT_DOWN(Scope.EXPERT),
  @JsonProperty("experts-gate-up")
  EXPERTS_GATE_UP(Scope.ALL_EXPERTS),
  @JsonProperty("experts-gate-up-bias")
  EXPERTS_GATE_UP_BIAS(Scope.ALL_EXPERTS),
  @JsonProperty("experts-down")
  EXPERTS_DOWN(Scope.ALL_EXPERTS),
  @JsonProperty("experts-down-bias")
  EXPERTS_DOWN_BIAS(Scope.ALL_EXPERTS),

  @JsonProperty("shared-router")
  SHARED_ROUTER(Scope.MOE_LAYER),
  @JsonProperty("shared-gate")
  SHARED_GATE(Scope.MOE_LAYER),
  @JsonProperty("shared-up")
  SHARED_UP(Scope.MOE_LAYER),
  @JsonProperty("shared-down")
  SHARED_DOWN(Scope.MOE_LAYER),

  @JsonProperty("dense-gate")
  DENSE_GATE(Scope.DENSE_LAYER),
  @JsonProperty("dense-up")
  DENSE_UP(Scope.DENSE_LAYER),
  @JsonProperty("dense-down")
  DENSE_DOWN(Scope.DENSE_LAYER);

  /// How often a role occurs.
  public enum Scope {
    /// Once.
    MODEL,
    /// Once in each layer.
    LAYER,
    /// Once in each layer with experts.
    MOE_LAYER,
    /// Once in each layer without experts.
    DENSE_LAYER,
    /// Once for each routed expert of each layer with experts.
    EXPERT,
    /// Once in each layer with experts, for all routed experts together.
    ALL_EXPERTS
  }

  private final Scope scope;

  TensorRole(Scope scope) {
    this.scope = scope;
  }

  /// How often this role occurs.
  public Scope scope() {
    return scope;
  }

  /// Whether the tensor belongs to one routed expert, or to all of a layer.
  public boolean isExpert() {
    return scope == Scope.EXPERT || scope == Scope.ALL_EXPERTS;
  }
}
