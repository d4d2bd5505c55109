package io.moepress.formats.architecture;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/// A vector that linear maps of a decoder layer read. Maps that read the same vector share
/// everything that calibration can say about their inputs.
public enum LinearInput {
  /// Behind the norm in front of attention.
  ATTENTION,
  /// The compressed query behind its norm.
  QUERY_EXPAND,
  /// The compressed key and value behind their norm.
  KEY_VALUE_EXPAND,
  /// The mixed values of all heads.
  ATTENTION_OUTPUT,
  /// Behind the norm in front of the feed-forward network, for every token: what routers, shared
  /// experts and dense networks read.
  FEED_FORWARD,
  /// What the down projection of the shared expert reads.
  SHARED_DOWN,
  /// What the down projection of a layer without experts reads.
  DENSE_DOWN,
  /// The same as [#FEED_FORWARD], for the tokens of each routed expert.
  EXPERT,
  /// What the down projection of each routed expert reads.
  EXPERT_DOWN;

  /// What the weight of a role is multiplied with; nothing for a role that is no linear map of a
  /// layer.
  public static Optional<LinearInput> of(TensorRole role) {
    return switch (role) {
      case QUERY, KEY, VALUE, QUERY_COMPRESS, KEY_VALUE_COMPRESS -> Optional.of(ATTENTION);
      case QUERY_EXPAND -> Optional.of(QUERY_EXPAND);
      case KEY_VALUE_EXPAND -> Optional.of(KEY_VALUE_EXPAND);
      case ATTENTION_OUTPUT -> Optional.of(ATTENTION_OUTPUT);
      case ROUTER, SHARED_ROUTER, SHARED_GATE, SHARED_UP, DENSE_GATE, DENSE_UP ->
          Optional.of(FEED_FORWARD);
      case SHARED_DOWN -> Optional.of(SHARED_DOWN);
      case DENSE_DOWN -> Optional.of(DENSE_DOWN);
      case EXPERT_GATE, EXPERT_UP, EXPERTS_GATE_UP -> Optional.of(EXPERT);
      case EXPERT_DOWN, EXPERTS_DOWN -> Optional.of(EXPERT_DOWN);
      case EMBEDDING, FINAL_NORM, OUTPUT_HEAD -> Optional.empty();
      case ATTENTION_NORM, FEED_FORWARD_NORM, QUERY_NORM, KEY_NORM -> Optional.empty();
      case QUERY_COMPRESS_NORM, KEY_VALUE_COMPRESS_NORM -> Optional.empty();
      case QUERY_BIAS, KEY_BIAS, VALUE_BIAS, ATTENTION_OUTPUT_BIAS -> Optional.empty();
      case ATTENTION_SINKS, SELECTION_BIAS, ROUTER_BIAS -> Optional.empty();
      case EXPERTS_GATE_UP_BIAS, EXPERTS_DOWN_BIAS -> Optional.empty();
    };
  }

  /// The roles of the weights that are multiplied with it.
  public Set<TensorRole> readers() {
    EnumSet<TensorRole> readers = EnumSet.allOf(TensorRole.class);
    readers.removeIf(role -> !of(role).equals(Optional.of(this)));
    return readers;
  }

  /// Whether every routed expert has one of its own.
  public boolean isOfExperts() {
    return this == EXPERT || this == EXPERT_DOWN;
  }

  /// Its name in files, such as `attention-output`.
  @JsonValue
  public String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /// The input with this label.
  public static Optional<LinearInput> named(String label) {
    return Arrays.stream(values()).filter(input -> input.label().equals(label)).findFirst();
  }
}
