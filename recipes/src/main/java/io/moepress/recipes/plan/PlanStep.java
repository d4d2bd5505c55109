package io.moepress.recipes.plan;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;

/// One decision about one layer. The compiler lists every place that must learn a new kind.
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes(@JsonSubTypes.Type(value = KeepExperts.class, name = "keep-experts"))
public sealed interface PlanStep permits KeepExperts {

  /// The decoder layer this step changes.
  int layer();

  /// The name of the method that decided.
  String method();
}
