package io.moepress.recipes.evidence;

import io.moepress.formats.Checks;
import java.util.Arrays;
import java.util.List;

/// A sample of what the experts of one layer saw: inputs of the MoE block with the choices made for
/// them.
///
/// Every layer holds the same tokens of the corpus, drawn uniformly and without replacement, in the
/// order of the corpus. From a row, the checkpoint's weights give any expert's output for that
/// token, chosen or not, so whatever needs the outputs again (their mean over all tokens, their
/// similarity, the loss when experts are dropped, merged or quantised) is computed later, one layer
/// at a time, without another forward pass.
///
/// `R` rows stand for all tokens. Where reservoirs of several measurements were joined, a domain's
/// rows stand for that domain's tokens, and a mean weights them so.
///
/// Size of a layer: `4 · R · (H + 2k + 2)` bytes, 33.8 MB for 4096 rows of Qwen3-30B-A3B (H = 2048,
/// k = 8) and 117.7 MB for 4096 of DeepSeek-V3 (H = 7168, k = 8). Arrays are not copied.
///
/// @param topK experts chosen for each token, `k`
/// @param tokens index of each row's token in the corpus, ascending, `[R]`
/// @param domains index of each row's domain, `[R]`
/// @param inputs `x`: what the router and the experts see, `[R · H]`
/// @param experts chosen experts, the best first, `[R · k]`
/// @param weights what their outputs are multiplied with, `[R · k]`
public record Reservoir(
    int topK, int[] tokens, int[] domains, float[] inputs, int[] experts, float[] weights) {
  /// What it is called in messages.
  public static final String LABEL = "reservoir";

  public Reservoir {
    int slots = Math.multiplyExact(tokens.length, topK);
    Checks.require(tokens.length > 0, "a reservoir without tokens");
    Checks.require(
        domains.length == tokens.length
            && inputs.length % tokens.length == 0
            && experts.length == slots
            && weights.length == slots,
        "reservoir of %d tokens, top-%d: %d domains, %d inputs, %d experts, %d weights",
        tokens.length,
        topK,
        domains.length,
        inputs.length,
        experts.length,
        weights.length);
  }

  /// Number of rows, `R`.
  public int rows() {
    return tokens.length;
  }

  /// Length of an input, `H`.
  public int width() {
    return inputs.length / tokens.length;
  }

  /// The input of one row, `[H]`; a copy.
  public float[] input(int row) {
    return Arrays.copyOfRange(inputs, row * width(), (row + 1) * width());
  }

  /// Reservoirs one after the other.
  ///
  /// @param firstTokens what is added to the token indices of each
  /// @param firstDomains what is added to the domain indices of each
  static Reservoir joined(List<Reservoir> parts, int[] firstTokens, int[] firstDomains) {
    Reservoir first = parts.getFirst();
    int rows = parts.stream().mapToInt(Reservoir::rows).reduce(0, Math::addExact);
    int slots = Math.multiplyExact(rows, first.topK());
    Reservoir all =
        new Reservoir(
            first.topK(),
            new int[rows],
            new int[rows],
            new float[Math.multiplyExact(rows, first.width())],
            new int[slots],
            new float[slots]);
    int next = 0;
    for (int part = 0; part < parts.size(); part++) {
      Reservoir source = parts.get(part);
      Checks.requireFormat(
          source.topK() == first.topK() && source.width() == first.width(),
          "reservoirs of rows of %d and %d, top-%d and top-%d: not of one checkpoint",
          first.width(),
          source.width(),
          first.topK(),
          source.topK());
      for (int row = 0; row < source.rows(); row++) {
        all.tokens()[next + row] = Math.addExact(source.tokens()[row], firstTokens[part]);
        all.domains()[next + row] = source.domains()[row] + firstDomains[part];
      }
      int slot = next * first.topK();
      System.arraycopy(
          source.inputs(), 0, all.inputs(), next * first.width(), source.inputs().length);
      System.arraycopy(source.experts(), 0, all.experts(), slot, source.experts().length);
      System.arraycopy(source.weights(), 0, all.weights(), slot, source.weights().length);
      next += source.rows();
    }
    return all;
  }
}
