package io.moepress.formats.gguf;

/// Which type a tensor gets when a file is to have one type, by the rules of llama.cpp's tools.
///
/// Vectors, norms and routers are F32 always. A width that does not divide into the blocks of the
/// wanted type gets a near type with smaller blocks, and F16 when no type fits.
public final class GgufTypes {
  private static final int SMALL_BLOCK = 32;

  /// What ggml writes for a file whose mix has no number.
  private static final long GUESSED = 1024;

  private GgufTypes() {}

  /// The type of a tensor.
  ///
  /// @param wanted the type of the file
  public static GgufType choose(GgufTensor tensor, GgufType wanted) {
    if (!takesType(tensor)) {
      return GgufType.F32;
    }
    return fitting(wanted, tensor.width());
  }

  /// Whether a tensor has the type of the file at all.
  public static boolean takesType(GgufTensor tensor) {
    String name = tensor.name();
    long wide = tensor.shape().dimensions().stream().filter(extent -> extent > 1).count();
    return wide > 1
        && name.endsWith(".weight")
        && !name.endsWith("_norm.weight")
        && !name.endsWith("ffn_gate_inp.weight");
  }

  /// The wanted type, or the one that takes its place in a tensor of this width.
  public static GgufType fitting(GgufType wanted, long width) {
    if (width % wanted.blockElements() == 0) {
      return wanted;
    }
    if (width % SMALL_BLOCK != 0) {
      return GgufType.F16;
    }
    return switch (wanted) {
      case Q2_K, Q3_K, TQ1_0, TQ2_0 -> GgufType.Q4_0;
      case Q4_K -> GgufType.Q5_0;
      case Q5_K -> GgufType.Q5_1;
      case Q6_K, Q8_K -> GgufType.Q8_0;
      case IQ1_S, IQ1_M, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S, IQ4_XS -> GgufType.IQ4_NL;
      case F32, F16, BF16, F64, I8, I16, I32, I64 -> wanted;
      case Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q8_1, IQ4_NL, MXFP4 -> GgufType.F16;
    };
  }

  /// What `general.file_type` says of a file of one type, of several mixes of it the smallest; it
  /// informs people, no loader asks.
  public static long fileType(GgufType type) {
    return switch (type) {
      case F32 -> 0;
      case F16 -> 1;
      case Q4_0 -> 2;
      case Q4_1 -> 3;
      case Q8_0 -> 7;
      case Q5_0 -> 8;
      case Q5_1 -> 9;
      case Q2_K -> 10;
      case Q3_K -> 11;
      case Q4_K -> 14;
      case Q5_K -> 16;
      case Q6_K -> 18;
      case IQ4_NL -> 25;
      case IQ4_XS -> 30;
      case BF16 -> 32;
      case TQ1_0 -> 36;
      case TQ2_0 -> 37;
      case MXFP4 -> 38;
      case Q8_1,
          Q8_K,
          IQ2_XXS,
          IQ2_XS,
          IQ3_XXS,
          IQ1_S,
          IQ3_S,
          IQ2_S,
          I8,
          I16,
          I32,
          I64,
          F64,
          IQ1_M ->
          GUESSED;
    };
  }
}
