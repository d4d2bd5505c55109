package io.moepress.formats.gguf;

import io.moepress.formats.architecture.Architecture.GroupedQuery;
import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// Mixes of types, as llama-quantize makes them: one type for most matrices, and more bits for
/// those that need them. What each has for values and down projections stands in [GgufMix].
///
/// * The output head, or the embedding that serves as one, has Q6_K; where its rows are not whole
///   blocks of 256, in Q8_0 and in MXFP4_MOE, Q8_0.
/// * Models of exactly 8 experts have Q8_0 for keys and values and, in most mixes of 2 to 4 bits,
///   Q5_K for the output of the attention.
///
/// Source: `llama_tensor_get_type` in llama.cpp `007dbbf`.
public enum GgufPreset {
  Q2_K(GgufType.Q2_K, 10),
  Q3_K_S(GgufType.Q3_K, 11),
  Q3_K_M(GgufType.Q3_K, 12),
  Q3_K_L(GgufType.Q3_K, 13),
  Q4_0(GgufType.Q4_0, 2),
  Q4_1(GgufType.Q4_1, 3),
  IQ4_NL(GgufType.IQ4_NL, 25),
  IQ4_XS(GgufType.IQ4_XS, 30),
  Q4_K_S(GgufType.Q4_K, 14),
  Q4_K_M(GgufType.Q4_K, 15),
  Q5_0(GgufType.Q5_0, 8),
  Q5_1(GgufType.Q5_1, 9),
  Q5_K_S(GgufType.Q5_K, 16),
  Q5_K_M(GgufType.Q5_K, 17),
  Q6_K(GgufType.Q6_K, 18),
  Q8_0(GgufType.Q8_0, 7),
  TQ1_0(GgufType.TQ1_0, 36),
  TQ2_0(GgufType.TQ2_0, 37),
  /// MXFP4 for the routed experts, Q8_0 for all else.
  MXFP4_MOE(GgufType.MXFP4, 38);

  private final GgufType base;
  private final long fileType;

  GgufPreset(GgufType base, long fileType) {
    this.base = base;
    this.fileType = fileType;
  }

  /// The type of most matrices.
  public GgufType base() {
    return base;
  }

  /// What `general.file_type` says.
  long fileType() {
    return fileType;
  }

  /// Finds a mix by its name, in upper or lower case. A type of which there are several mixes means
  /// the one that ends in `_M`.
  public static Optional<GgufPreset> named(String name) {
    String upper = name.toUpperCase(Locale.ROOT);
    return Arrays.stream(values())
        .filter(preset -> preset.name().equals(upper) || preset.name().equals(upper + "_M"))
        .findFirst();
  }

  /// The mixes to choose from for a size, the best first.
  public static List<GgufPreset> ladder() {
    return List.of(Q8_0, Q6_K, Q5_K_M, Q5_K_S, Q4_K_M, Q4_K_S, Q3_K_L, Q3_K_M, Q3_K_S, Q2_K);
  }

  /// The mix for a model.
  ///
  /// @param important whether an importance matrix is at hand, which changes some mixes
  public TypeRule rule(MoeModel model, boolean important) {
    ModelLayout layout = model.layout();
    boolean tied = !model.inventory().has(TensorId.ofModel(TensorRole.OUTPUT_HEAD));
    int sharing =
        layout.architecture().attention() instanceof GroupedQuery
            ? layout.dimension(Dimension.HEADS) / layout.dimension(Dimension.KEY_VALUE_HEADS)
            : layout.dimension(Dimension.HEADS);
    GgufMix.Sizes sizes = new GgufMix.Sizes(layout.layers(), layout.experts(), sharing);
    return new GgufMix(this, sizes, tied, important);
  }
}
