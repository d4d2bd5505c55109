package io.moepress.formats.architecture;

/// The dimensions every architecture file defines; a file may define more for its own formulas.
public enum Dimension {
  /// Decoder layers.
  LAYERS("layers"),
  /// Width of the residual stream, `H`.
  HIDDEN("hidden"),
  /// Tokens of the vocabulary, `V`.
  VOCABULARY("vocabulary"),
  /// Query heads.
  HEADS("heads"),
  /// Key and value heads.
  KEY_VALUE_HEADS("keyValueHeads"),
  /// Width of a head.
  HEAD_DIM("headDim"),
  /// Routed experts of a layer, `E`.
  EXPERTS("experts"),
  /// Routed experts each token uses, `k`.
  TOP_K("topK"),
  /// Width of a routed expert, `I`.
  EXPERT_WIDTH("expertWidth");

  private final String key;

  Dimension(String key) {
    this.key = key;
  }

  /// Its name in architecture files.
  public String key() {
    return key;
  }
}
