package io.moepress.recipes.evidence;

import java.util.Arrays;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/// A quantity gathered while calibrating.
///
/// Below, `X_j` are the tokens routed to expert `j`, `T` are all tokens, and `R` are those of the
/// [Reservoir], a sample of `T`; `g_j(x)` is the weight its output is really multiplied with (after
/// top-k, renormalisation and scaling); `s_j(x)` is its score before that, the softmax over **all**
/// experts or the sigmoid of its logit `z_j(x)`, without selection bias; `f_j(x)` is its output
/// before any weight, and `a_j(x)` what its down projection sees. Statistics are sums and maxima,
/// never means, so that evidence of two corpora adds up exactly.
public enum Statistic {
  /// In tokens. Always gathered.
  ROUTED_TOKENS("Σ_{x ∈ X_j} 1"),
  /// Soft count.
  GATE_SUM("Σ_{x ∈ X_j} g_j(x)"),
  /// The weights as the router scores them, before they are renormalised and scaled.
  ROUTER_SCORE_SUM("Σ_{x ∈ X_j} s_j(x)"),
  /// Activation strength without the gate.
  OUTPUT_NORM_SUM("Σ_{x ∈ X_j} ‖f_j(x)‖₂"),
  /// Activation energy without the gate.
  OUTPUT_SQUARE_SUM("Σ_{x ∈ X_j} ‖f_j(x)‖₂²"),
  /// Activation strength.
  GATED_OUTPUT_NORM_SUM("Σ_{x ∈ X_j} g_j(x) · ‖f_j(x)‖₂"),
  /// Activation strength, gated twice.
  SQUARED_GATE_OUTPUT_NORM_SUM("Σ_{x ∈ X_j} g_j(x)² · ‖f_j(x)‖₂"),
  /// Activation energy.
  GATED_OUTPUT_SQUARE_SUM("Σ_{x ∈ X_j} g_j(x)² · ‖f_j(x)‖₂²"),
  /// With the residual stream `h` in front of the MoE block and the routed experts' joint output
  /// `y`: the score of EASY-EP, whose product must be formed token by token.
  EASY_EP_SUM("Σ_{x ∈ X_j} g_j(x) · ‖f_j(x)‖₂ · max(0, 1 − cos(h, h + y))"),
  /// Over tokens and elements; 0 for an expert no token reached.
  OUTPUT_MAXIMUM(Combination.MAXIMUM, "max_{x ∈ X_j} ‖f_j(x)‖_∞"),
  /// Over all tokens, whomever they chose.
  ROUTER_LOGIT_SUM("Σ_{x ∈ T} z_j(x)"),
  /// By how much the block's output changes when this expert's weights alone are rounded to 1 bit:
  /// what PMQ of MC-MoE asks. `f_j^b` has the weights of its three matrices rounded to the nearest
  /// of a grid of `b` bits, in groups of 128 consecutive columns of a row; at 1 bit `± mean |w|`,
  /// else evenly from the smallest to the largest of the group and 0, with an integer for 0.
  ROUNDING_ERROR_1(rounding(1)),
  /// The same for 2 bits.
  ROUNDING_ERROR_2(rounding(2)),
  /// The same for 3 bits.
  ROUNDING_ERROR_3(rounding(3)),
  /// The same for 4 bits.
  ROUNDING_ERROR_4(rounding(4)),
  /// The same for 5 bits.
  ROUNDING_ERROR_5(rounding(5)),
  /// The same for 6 bits.
  ROUNDING_ERROR_6(rounding(6)),
  /// The same for 7 bits.
  ROUNDING_ERROR_7(rounding(7)),
  /// The same for 8 bits.
  ROUNDING_ERROR_8(rounding(8)),
  /// Tokens that chose both experts; the diagonal holds [#ROUTED_TOKENS].
  COACTIVATION(Form.EXPERT_PAIRS, "Σ_x 1[x ∈ X_i and x ∈ X_j]"),
  /// Over all tokens. With the sum and the number of tokens it gives means and covariances.
  ROUTER_LOGIT_GRAM(Form.EXPERT_PAIRS, "Σ_{x ∈ T} z_i(x) · z_j(x)"),
  /// Divided by the routed tokens, the mean output.
  OUTPUT_SUM(Form.HIDDEN, "Σ_{x ∈ X_j} f_j(x)_i"),
  /// Second moments of what the gate and up projections see.
  INPUT_SQUARE_SUM(Form.HIDDEN, "Σ_{x ∈ X_j} x_i²"),
  /// Second moments of what the down projection sees.
  INTERMEDIATE_SQUARE_SUM(Form.INTERMEDIATE, "Σ_{x ∈ X_j} a_j(x)_i²"),
  /// The same, each token counted by the square of its weight.
  GATED_INPUT_SQUARE_SUM(Form.HIDDEN, "Σ_{x ∈ X_j} g_j(x)² · x_i²"),
  /// The same, each token counted by the square of its weight.
  GATED_INTERMEDIATE_SQUARE_SUM(Form.INTERMEDIATE, "Σ_{x ∈ X_j} g_j(x)² · a_j(x)_i²"),
  /// Over all tokens of the reservoir, whomever they chose: every expert is run on every one of
  /// them. Divided by the number of rows, the mean output of HC-SMoE.
  RESERVOIR_OUTPUT_SUM(Form.HIDDEN, "Σ_{x ∈ R} f_j(x)_i"),
  /// Over all tokens of the reservoir, whomever they chose; an output of zero has cosine 0 with
  /// every other. Divided by the number of rows, the similarity of Sub-MoE.
  RESERVOIR_OUTPUT_COSINE_SUM(Form.EXPERT_PAIRS, "Σ_{x ∈ R} cos(f_i(x), f_j(x))");

  private final Form form;
  private final Combination combination;
  private final String formula;

  /// Those of rounding, by their bits. A class of its own, to be made when all constants are.
  private static final class Rounding {
    private static final List<Statistic> BY_BITS =
        List.of(
            ROUNDING_ERROR_1,
            ROUNDING_ERROR_2,
            ROUNDING_ERROR_3,
            ROUNDING_ERROR_4,
            ROUNDING_ERROR_5,
            ROUNDING_ERROR_6,
            ROUNDING_ERROR_7,
            ROUNDING_ERROR_8);
  }

  /// What a statistic is indexed by.
  public enum Form {
    /// `[domains, E]`: a number for each expert, kept apart by domain.
    EXPERTS("[domains, E]"),
    /// `[E, E]`: a number for each pair of experts, over all domains.
    EXPERT_PAIRS("[E, E]"),
    /// `[E, H]`: a number for each expert and element of the residual stream, over all domains.
    HIDDEN("[E, H]"),
    /// `[E, I]`: a number for each neuron of each expert, over all domains.
    INTERMEDIATE("[E, I]");

    private final String shape;

    Form(String shape) {
      this.shape = shape;
    }

    /// The shape as text, such as `[E, H]`.
    public String shape() {
      return shape;
    }
  }

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

  Statistic(String formula) {
    this(Combination.SUM, formula);
  }

  Statistic(Combination combination, String formula) {
    this(Form.EXPERTS, combination, formula);
  }

  Statistic(Form form, String formula) {
    this(form, Combination.SUM, formula);
  }

  Statistic(Form form, Combination combination, String formula) {
    this.form = form;
    this.combination = combination;
    this.formula = formula;
  }

  private static String rounding(int bits) {
    return "Σ_{x ∈ X_j} g_j(x)² · ‖f_j(x) − f_j^b(x)‖₂², b = " + bits;
  }

  /// What it is indexed by.
  public Form form() {
    return form;
  }

  /// Whether it is a matrix of a layer, over all domains, and not a number for each expert and
  /// domain.
  public boolean isMatrix() {
    return form != Form.EXPERTS;
  }

  /// Whether it is a sum over the tokens of the reservoir, which must be there for it.
  public boolean isOverReservoir() {
    return this == RESERVOIR_OUTPUT_SUM || this == RESERVOIR_OUTPUT_COSINE_SUM;
  }

  /// How values combine.
  public Combination combination() {
    return combination;
  }

  /// The value for expert `j`, or experts `i` and `j`, or expert `j` and element `i`.
  public String formula() {
    return formula;
  }

  /// The one of rounding to a number of bits.
  ///
  /// @param bits 1 to 8
  public static Statistic roundingError(int bits) {
    return Rounding.BY_BITS.get(bits - 1);
  }

  /// The number of bits that experts are rounded to for it; 0 where they are not.
  public int roundedBits() {
    return Rounding.BY_BITS.indexOf(this) + 1;
  }

  /// Its name in files and options, such as `gate-sum`.
  public String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /// The statistic with this label.
  public static Optional<Statistic> named(String label) {
    return Arrays.stream(values()).filter(statistic -> statistic.label().equals(label)).findFirst();
  }

  /// The labels, in the order of the constants.
  public static List<String> labels(Set<Statistic> statistics) {
    return statistics.stream().sorted().map(Statistic::label).toList();
  }

  /// Those that cost next to nothing, and are gathered unless a user asks for others: all numbers
  /// for each expert but [#ROUTER_LOGIT_SUM] and those of rounding, each of which runs all experts
  /// once more.
  public static Set<Statistic> defaults() {
    EnumSet<Statistic> cheap = EnumSet.allOf(Statistic.class);
    cheap.removeIf(statistic -> statistic.isMatrix() || statistic.roundedBits() > 0);
    cheap.remove(ROUTER_LOGIT_SUM);
    return Collections.unmodifiableSet(cheap);
  }
}
