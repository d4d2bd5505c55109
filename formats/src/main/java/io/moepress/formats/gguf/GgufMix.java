package io.moepress.formats.gguf;

/// A mix of types for models of one size. By "more bits" layer `l` of `n` is meant with `l < n/8`,
/// `l ≥ 7n/8`, or `(l - n/8) mod 3 = 2`.
///
/// @param tied whether the embedding serves as the output head
/// @param important whether an importance matrix is at hand
record GgufMix(GgufPreset preset, Sizes sizes, boolean tied, boolean important)
    implements TypeRule {
  private static final String EMBEDDING = "token_embd.weight";
  private static final int SPECIAL_EXPERTS = 8;
  private static final int FIRST_LAYERS = 4;

  /// From so many heads on that share keys and values, values get more bits.
  private static final int MANY_SHARING = 4;

  /// What the types depend on.
  ///
  /// @param sharing query heads for each head of keys and values
  record Sizes(int layers, int experts, int sharing) {}

  @Override
  public String label() {
    return preset.name();
  }

  @Override
  public long fileType() {
    return preset.fileType();
  }

  @Override
  public GgufType wanted(GgufTensor tensor) {
    String name = tensor.name();
    if (name.equals("output.weight") || (tied && name.equals(EMBEDDING))) {
      return head(tensor.width());
    }
    if (name.equals(EMBEDDING)) {
      return isTernary() ? GgufType.Q4_K : most(name);
    }
    return GgufNames.InLayer.of(name)
        .map(part -> inLayer(part.layer(), part.name()))
        .orElse(most(name));
  }

  private GgufType head(long width) {
    boolean large = preset == GgufPreset.MXFP4_MOE || preset == GgufPreset.Q8_0;
    boolean whole = width % GgufType.Q6_K.blockElements() == 0;
    return large || !whole ? GgufType.Q8_0 : GgufType.Q6_K;
  }

  private boolean isTernary() {
    return preset == GgufPreset.TQ1_0 || preset == GgufPreset.TQ2_0;
  }

  private GgufType most(String name) {
    boolean outside = preset == GgufPreset.MXFP4_MOE && !name.endsWith("_exps.weight");
    return outside ? GgufType.Q8_0 : preset.base();
  }

  private GgufType inLayer(int layer, String name) {
    if (preset == GgufPreset.MXFP4_MOE) {
      return most(name);
    }
    if (name.startsWith("ffn_down")) {
      return down(layer);
    }
    boolean special = sizes.experts() == SPECIAL_EXPERTS;
    return switch (name) {
      case "attn_v.weight" -> special ? GgufType.Q8_0 : value(layer);
      case "attn_k.weight" -> special ? GgufType.Q8_0 : preset.base();
      case "attn_output.weight" -> special ? specialOutput() : output();
      default -> preset.base();
    };
  }

  private GgufType value(int layer) {
    boolean shared = sizes.sharing() >= MANY_SHARING;
    return switch (preset) {
      case Q2_K -> shared ? GgufType.Q4_K : GgufType.Q3_K;
      case Q3_K_M -> layer < 2 ? GgufType.Q5_K : GgufType.Q4_K;
      case Q3_K_L -> GgufType.Q5_K;
      case IQ4_NL, IQ4_XS -> shared ? GgufType.Q5_K : preset.base();
      case Q4_K_S -> layer < FIRST_LAYERS ? GgufType.Q5_K : GgufType.Q4_K;
      case Q4_K_M, Q5_K_M -> moreBits(layer) ? GgufType.Q6_K : preset.base();
      case Q3_K_S, Q4_0, Q4_1, Q5_0, Q5_1, Q5_K_S, Q6_K, Q8_0, TQ1_0, TQ2_0, MXFP4_MOE ->
          preset.base();
    };
  }

  private GgufType down(int layer) {
    return switch (preset) {
      case Q2_K -> GgufType.Q3_K;
      case Q3_K_M -> layer < sizes.layers() / 16 ? GgufType.Q5_K : GgufType.Q4_K;
      case Q3_K_L -> GgufType.Q5_K;
      case Q4_0 -> early(layer, important, GgufType.Q4_1);
      case Q5_0 -> early(layer, important, GgufType.Q5_1);
      case IQ4_NL, IQ4_XS -> early(layer, !important, GgufType.Q5_K);
      case Q4_K_S -> early(layer, true, GgufType.Q5_K);
      case Q4_K_M, Q5_K_M -> moreBits(layer) ? GgufType.Q6_K : preset.base();
      case Q3_K_S, Q4_1, Q5_1, Q5_K_S, Q6_K, Q8_0, TQ1_0, TQ2_0, MXFP4_MOE -> preset.base();
    };
  }

  private GgufType early(int layer, boolean applies, GgufType type) {
    return applies && isEarly(layer) ? type : preset.base();
  }

  private GgufType output() {
    return switch (preset) {
      case Q2_K -> GgufType.Q3_K;
      case Q3_K_M -> GgufType.Q4_K;
      case Q3_K_L -> GgufType.Q5_K;
      case Q3_K_S, Q4_0, Q4_1, IQ4_NL, IQ4_XS, Q4_K_S, Q4_K_M -> preset.base();
      case Q5_0, Q5_1, Q5_K_S, Q5_K_M, Q6_K, Q8_0, TQ1_0, TQ2_0, MXFP4_MOE -> preset.base();
    };
  }

  /// The output of the attention where there are 8 experts.
  private GgufType specialOutput() {
    return switch (preset) {
      case Q2_K, Q3_K_S, Q3_K_M, IQ4_NL, IQ4_XS, Q4_K_S, Q4_K_M -> GgufType.Q5_K;
      case Q3_K_L, Q4_0, Q4_1, Q5_0, Q5_1, Q5_K_S, Q5_K_M -> preset.base();
      case Q6_K, Q8_0, TQ1_0, TQ2_0, MXFP4_MOE -> preset.base();
    };
  }

  private boolean moreBits(int layer) {
    int layers = sizes.layers();
    return isEarly(layer) || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
  }

  /// Whether a layer is one of the first eighth.
  private boolean isEarly(int layer) {
    return layer < sizes.layers() / 8;
  }
}
