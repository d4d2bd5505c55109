package io.moepress.recipes.evidence;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/// A quantity per expert, gathered while calibrating.
///
/// Below, `x` runs over the tokens routed to expert `j`; `g_j(x)` is the weight its output is
/// really multiplied with (after top-k, renormalisation and scaling); `f_j(x)` is its output before
/// that. Statistics are sums and maxima, never means, so that evidence of two corpora adds up
/// exactly.
public enum Statistic {
  /// `Σ 1`, in tokens.
  ROUTED_TOKENS(Combination.SUM),
  /// `Σ g_j(x)`.
  GATE_SUM(Combination.SUM),
  /// `Σ ‖f_j(x)‖₂`.
  OUTPUT_NORM_SUM(Combination.SUM),
  /// `Σ g_j(x) · ‖f_j(x)‖₂`.
  GATED_OUTPUT_NORM_SUM(Combination.SUM),
  /// `Σ g_j(x) · ‖f_j(x)‖₂ · max(0, 1 − cos(h, h + y))` with the residual stream `h` in front of
  /// the MoE block and the routed experts' joint output `y`: the score of EASY-EP, whose product
  /// must be formed token by token.
  EASY_EP_SUM(Combination.SUM),
  /// `max |f_j(x)|` over tokens and elements; 0 for an expert no token reached.
  OUTPUT_MAXIMUM(Combination.MAXIMUM);

  private final Combination combination;

  /// How values of two sets of tokens become the value of both.
  public enum Combination {
    /// They are added.
    SUM,
    /// The larger one stays.
    MAXIMUM;

    /// Combines two values.
    public double of(double a, double b) {
      return switch (this) {
        case SUM -> a + b;
        case MAXIMUM -> Math.max(a, b);
      };
    }
  }

  Statistic(Combination combination) {
    this.combination = combination;
  }

  /// How values combine.
  public Combination combination() {
    return combination;
  }

  /// Its name in files and options, such as `gate-sum`.
  public String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /// The statistic with this label.
  public static Optional<Statistic> named(String label) {
    return Arrays.stream(values()).filter(statistic -> statistic.label().equals(label)).findFirst();
  }
}
