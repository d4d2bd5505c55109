package io.moepress.formats.gguf;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/// Mixes of types, as llama-quantize makes them without an importance matrix: one type for most
/// matrices, and more bits for those that need them.
///
/// * The output head, or the embedding that serves as one, has Q6_K; where its rows are not whole
///   blocks of 256, and in MXFP4_MOE, Q8_0.
/// * "More bits" in layer `l` of `n`: `l < n/8`, `l ≥ 7n/8`, or `(l - n/8) mod 3 = 2`.
/// * Models of exactly 8 experts have Q8_0 for keys and values and, with Q4_K, Q5_K for the output
///   of the attention.
public enum GgufPreset {
  /// Q4_K; Q5_K for values of the first four layers and for down projections of the first eighth.
  Q4_K_S(GgufType.Q4_K, 14),
  /// Q4_K; Q6_K for values and down projections of layers with more bits.
  Q4_K_M(GgufType.Q4_K, 15),
  /// Q5_K.
  Q5_K_S(GgufType.Q5_K, 16),
  /// Q5_K; Q6_K for values and down projections of layers with more bits.
  Q5_K_M(GgufType.Q5_K, 17),
  /// MXFP4 for the routed experts, Q8_0 for all else.
  MXFP4_MOE(GgufType.Q8_0, 38);

  private static final int SPECIAL_EXPERTS = 8;
  private static final int FIRST_LAYERS = 4;

  private final GgufType base;
  private final long fileType;

  GgufPreset(GgufType base, long fileType) {
    this.base = base;
    this.fileType = fileType;
  }

  /// Finds a mix by its name, in upper or lower case.
  public static Optional<GgufPreset> named(String name) {
    String upper = name.toUpperCase(Locale.ROOT);
    return Arrays.stream(values()).filter(preset -> preset.name().equals(upper)).findFirst();
  }

  /// The mix for a model.
  public TypeRule rule(MoeModel model) {
    boolean tied = !model.inventory().has(TensorId.ofModel(TensorRole.OUTPUT_HEAD));
    return new Mix(this, model.layout().layers(), model.layout().experts(), tied);
  }

  /// A mix for models of one size.
  ///
  /// @param tied whether the embedding serves as the output head
  record Mix(GgufPreset preset, int layers, int experts, boolean tied) implements TypeRule {

    @Override
    public String label() {
      return preset.name();
    }

    @Override
    public long fileType() {
      return preset.fileType;
    }

    @Override
    public GgufType wanted(GgufTensor tensor) {
      String name = tensor.name();
      if (name.equals("output.weight") || (tied && name.equals("token_embd.weight"))) {
        boolean whole = tensor.width() % GgufType.Q6_K.blockElements() == 0;
        return preset == MXFP4_MOE || !whole ? GgufType.Q8_0 : GgufType.Q6_K;
      }
      return GgufNames.InLayer.of(name)
          .map(part -> inLayer(part.layer(), part.name()))
          .orElse(preset.base);
    }

    private GgufType inLayer(int layer, String name) {
      if (name.startsWith("ffn_down")) {
        return preset == MXFP4_MOE ? ofExperts(name) : down(layer);
      }
      boolean special = experts == SPECIAL_EXPERTS && preset != MXFP4_MOE;
      return switch (name) {
        case "attn_v.weight" -> special ? GgufType.Q8_0 : value(layer);
        case "attn_k.weight" -> special ? GgufType.Q8_0 : preset.base;
        case "attn_output.weight" ->
            special && preset.base == GgufType.Q4_K ? GgufType.Q5_K : preset.base;
        default -> preset == MXFP4_MOE ? ofExperts(name) : preset.base;
      };
    }

    private static GgufType ofExperts(String name) {
      return name.endsWith("_exps.weight") ? GgufType.MXFP4 : GgufType.Q8_0;
    }

    private GgufType value(int layer) {
      return switch (preset) {
        case Q4_K_S -> layer < FIRST_LAYERS ? GgufType.Q5_K : GgufType.Q4_K;
        case Q4_K_M, Q5_K_M -> moreBits(layer) ? GgufType.Q6_K : preset.base;
        case Q5_K_S, MXFP4_MOE -> preset.base;
      };
    }

    private GgufType down(int layer) {
      return switch (preset) {
        case Q4_K_S -> isEarly(layer) ? GgufType.Q5_K : GgufType.Q4_K;
        case Q4_K_M, Q5_K_M -> moreBits(layer) ? GgufType.Q6_K : preset.base;
        case Q5_K_S, MXFP4_MOE -> preset.base;
      };
    }

    private boolean moreBits(int layer) {
      return isEarly(layer) || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
    }

    /// Whether a layer is one of the first eighth.
    private boolean isEarly(int layer) {
      return layer < layers / 8;
    }
  }
}
