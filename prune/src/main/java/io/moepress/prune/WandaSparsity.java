package io.moepress.prune;

import io.moepress.recipes.plan.MethodDescription;
import java.util.List;

/// Wanda: of each output row the weights whose products with their inputs are smallest become zero.
///
/// ```
/// S_ij = |W_ij| · √(Σ_x x_j² / n)
/// ```
///
/// Of the `C` weights of a row the `⌊C · s⌋` with the smallest `S` become zero, or `n` of every `m`
/// neighbours; the others stay as they are. A constant factor of a row's norms changes nothing.
///
/// Source: Sun et al., arXiv:2306.11695; as the second stage of STUN, Lee et al., arXiv:2409.06211,
/// `OWL/lib/prune_all.py` of its authors' code. With `gate-power: 2` tokens of a routed expert
/// count by the square of their routing weight: MoE-Pruner, Xie et al., arXiv:2410.12013.
public record WandaSparsity() implements UniformSparsity {

  /// What there is to say about it.
  public static final MethodDescription DESCRIPTION =
      new MethodDescription(
          "wanda",
          "`abs(W_ij) · √(Σ_x x_j² / n)` within each output row",
          "Unstructured: the result is no smaller on disk or in memory. For runtimes and hardware "
              + "that gain from zeros, behind a step that drops or merges experts (STUN).",
          "Wanda, arXiv:2306.11695; second stage of STUN, arXiv:2409.06211",
          "OWL/lib/prune_all.py of STUN's authors",
          List.of(),
          "- sparsify: {method: wanda, sparsity: 25%}");

  @Override
  public String name() {
    return DESCRIPTION.name();
  }
}
