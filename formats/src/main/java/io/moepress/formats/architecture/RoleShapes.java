package io.moepress.formats.architecture;

import java.util.List;

/// The shapes that a tensor of a role can have, as formulas.
final class RoleShapes {
  private static final String QUERIES = "heads * headDim";
  private static final String KEYS = "keyValueHeads * headDim";

  private RoleShapes() {}

  /// All known shapes of a role.
  ///
  /// @param latent whether attention is latent
  static List<List<String>> of(TensorRole role, boolean latent) {
    return switch (role) {
      case EMBEDDING, OUTPUT_HEAD -> one("vocabulary", "hidden");
      case FINAL_NORM, ATTENTION_NORM, FEED_FORWARD_NORM, ATTENTION_OUTPUT_BIAS -> one("hidden");
      case QUERY -> one(QUERIES, "hidden");
      case QUERY_BIAS -> one(QUERIES);
      case QUERY_NORM -> List.of(List.of("headDim"), List.of(QUERIES));
      case KEY, VALUE -> one(KEYS, "hidden");
      case KEY_BIAS, VALUE_BIAS -> one(KEYS);
      case KEY_NORM -> List.of(List.of("headDim"), List.of(KEYS));
      case QUERY_COMPRESS -> one("queryRank", "hidden");
      case QUERY_COMPRESS_NORM -> one("queryRank");
      case QUERY_EXPAND -> one(QUERIES, "queryRank");
      case KEY_VALUE_COMPRESS -> one("latentDim + turnedDim", "hidden");
      case KEY_VALUE_COMPRESS_NORM -> one("latentDim");
      case KEY_VALUE_EXPAND -> one("heads * (plainDim + valueDim)", "latentDim");
      case ATTENTION_OUTPUT -> one("hidden", latent ? "heads * valueDim" : QUERIES);
      case ATTENTION_SINKS -> one("heads");
      case ROUTER -> one("experts", "hidden");
      case ROUTER_BIAS -> one("experts");
      case SELECTION_BIAS -> List.of(List.of("experts"), List.of("1", "experts"));
      case EXPERT_GATE, EXPERT_UP -> one("expertWidth", "hidden");
      case EXPERT_DOWN -> one("hidden", "expertWidth");
      case EXPERTS_GATE_UP ->
          List.of(
              List.of("experts", "2 * expertWidth", "hidden"),
              List.of("experts", "hidden", "2 * expertWidth"));
      case EXPERTS_GATE_UP_BIAS -> one("experts", "2 * expertWidth");
      case EXPERTS_DOWN_BIAS -> one("experts", "hidden");
      case EXPERTS_DOWN ->
          List.of(
              List.of("experts", "hidden", "expertWidth"),
              List.of("experts", "expertWidth", "hidden"));
      case SHARED_ROUTER -> one("1", "hidden");
      case SHARED_GATE, SHARED_UP -> one("sharedWidth", "hidden");
      case SHARED_DOWN -> one("hidden", "sharedWidth");
      case DENSE_GATE, DENSE_UP -> one("denseWidth", "hidden");
      case DENSE_DOWN -> one("hidden", "denseWidth");
    };
  }

  private static List<List<String>> one(String... shape) {
    return List.of(List.of(shape));
  }
}
