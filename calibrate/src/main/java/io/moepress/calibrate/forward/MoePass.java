package io.moepress.calibrate.forward;

/// What one MoE layer did with the corpus, seen before its output joins the residual stream.
///
/// Valid only while the observer is called. Slots are those of [Routing].
///
/// @param layer decoder layer index
/// @param experts number of routed experts, `E`
/// @param routing the choices of all tokens
/// @param outputNorms `‖f_j(x_t)‖₂` of each slot, the expert's output before its routing weight
/// @param outputMaxima the largest `|f_j(x_t)|` of each slot
/// @param residual `h_t`: the residual stream after attention, before the feed-forward norm
/// @param routedOutput `Σ_j g_j f_j(x_t)`: the routed experts' part, shared experts excluded
public record MoePass(
    int layer,
    int experts,
    Routing routing,
    float[] outputNorms,
    float[] outputMaxima,
    HiddenStates residual,
    HiddenStates routedOutput) {

  /// Sees every MoE layer of a forward pass, in order.
  @FunctionalInterface
  public interface Observer {
    /// Does nothing.
    Observer NONE = pass -> {};

    /// Looks at one layer.
    void observe(MoePass pass);
  }
}
