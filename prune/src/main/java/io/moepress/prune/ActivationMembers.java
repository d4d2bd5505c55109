package io.moepress.prune;

import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.MethodDescription.Option;
import java.util.List;

/// The published scores of the family of [ActivationPruning], each under its name, and the family
/// itself with its powers as options.
public final class ActivationMembers {
  private static final String UNIFIED = "arXiv:2606.15716";

  /// A score and what there is to say about it.
  public record Member(ActivationPruning method, MethodDescription description) {}

  /// REAP, and what the family is without options.
  public static final ActivationPruning REAP = new ActivationPruning("reap", 1, 1, 1);

  /// How often an expert is chosen.
  public static final ActivationPruning FREQUENCY = new ActivationPruning("frequency", 0, 0, 0);

  /// How much weight it gets.
  public static final ActivationPruning GATE_MASS = new ActivationPruning("gate-mass", 0, 1, 0);

  /// All that have a name, in the order of the documentation.
  public static final List<Member> ALL =
      List.of(
          member(
              REAP,
              "mean over `X_j` of `g_j · ‖f_j‖`",
              "A mean, so that a rare expert with strong outputs outlives a frequent one with weak"
                  + " outputs. Wants many texts, or rare experts are judged by few tokens.",
              "REAP, arXiv:2510.13999",
              "REAPPruningModifier of llm-compressor",
              "75%"),
          member(
              FREQUENCY,
              "number of tokens in `X_j`",
              "A baseline: what the others have to beat. It does not look at outputs at all.",
              "SEER-MoE hard count, arXiv:2404.05089",
              "",
              "50%"),
          member(
              GATE_MASS,
              "`Σ g_j`",
              "A baseline between frequency and REAP: the most used experts stay, which is the safest"
                  + " when very few may.",
              "SEER-MoE soft count, arXiv:2404.05089",
              "",
              "50%"),
          member(
              new ActivationPruning("gate-norm", 0, 1, 1),
              "`Σ g_j · ‖f_j‖`",
              "For keeping a model good at one domain: frequency, weight and output all count. EASY-EP"
                  + " without its look at how much a token is turned.",
              "weighted EAN sum, " + UNIFIED,
              "",
              "50%"),
          member(
              new ActivationPruning("gate-square", 0, 2, 2),
              "`Σ (g_j · ‖f_j‖)²`",
              "As gate-norm, and strong outputs count for more.",
              "S(0,2,2), " + UNIFIED,
              "",
              "50%"),
          member(
              new ActivationPruning("ean", 0, 0, 1),
              "`Σ ‖f_j‖`",
              "Frequent and loud experts stay, whatever weight they get.",
              "EAN sum, " + UNIFIED,
              "",
              "50%"),
          member(
              new ActivationPruning("man", 1, 0, 1),
              "mean over `X_j` of `‖f_j‖`",
              "For calibration on mixed texts, without a task in mind: neither weight nor frequency"
                  + " counts, so that no text outvotes another.",
              "MAN, " + UNIFIED,
              "",
              "50%"),
          member(
              new ActivationPruning("msan", 1, 0, 2),
              "mean over `X_j` of `‖f_j‖²`",
              "As man, and strong outputs count for more.",
              "MSAN, " + UNIFIED,
              "",
              "50%"),
          member(
              new ActivationPruning("reap-squared", 1, 2, 1),
              "mean over `X_j` of `g_j² · ‖f_j‖`",
              "As reap, with the weight counted twice: the saliency of REAM, whose code multiplies an"
                  + " output that already has its weight with the weight once more.",
              "REAM, arXiv:2604.04356",
              "",
              "75%"));

  /// The family itself; its options are the powers.
  public static final MethodDescription FAMILY =
      new MethodDescription(
          "activation",
          "`n_j^−b · Σ g_j^alpha · ‖f_j‖^beta`, with the `n_j` tokens in `X_j`; options `b`, `alpha`,"
              + " `beta`",
          "The family that reap, frequency and many others belong to, for trying what lies between"
              + " them. b: 0 is a sum, b: 1 a mean over the tokens of the expert.",
          "the unified view of " + UNIFIED,
          "",
          List.of(
              new Option(
                  "b",
                  "a number from 0 to 1",
                  "power of the number of tokens that the sum is divided by",
                  "1"),
              new Option(
                  "alpha", "`0`, `1` or `2`", "power of the weight, and not 2 with `beta: 0`", "1"),
              new Option(
                  "beta", "`0`, `1` or `2`", "power of the norm, and not 2 with `alpha: 1`", "1")),
          "- prune: {method: activation, b: 0.5, alpha: 1, beta: 1, keep: 50%}");

  private ActivationMembers() {}

  private static Member member(
      ActivationPruning method,
      String score,
      String advice,
      String source,
      String reference,
      String keep) {
    String example = "- prune: {method: " + method.name() + ", keep: " + keep + "}";
    return new Member(
        method,
        new MethodDescription(method.name(), score, advice, source, reference, List.of(), example));
  }
}
