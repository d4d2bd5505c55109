package io.moepress.prune;

import io.moepress.formats.Checks;
import io.moepress.recipes.evidence.DistanceKind;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.LearnedScores;
import io.moepress.recipes.evidence.LearningRequest;
import io.moepress.recipes.evidence.OptimiserKind;
import io.moepress.recipes.evidence.Relaxation;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.AllocationMode;
import io.moepress.recipes.plan.LearnedPruning;
import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.MethodDescription.Option;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.PruneRequest;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// DiEP: keeps the experts that count most when all are allowed to count more or less.
///
/// A search by gradients learns `α` of every expert and `β` of every layer, the model frozen. With
/// `ā = softmax(α)` over the `N` experts of a layer, the score of expert `j` of layer `l` is
///
/// ```
/// S_j = N · ā_j · β_l          or, raw, as the paper has it:  α_j · β_l
/// ```
///
/// The scores of all layers stand on one scale: by default experts are ranked together, so that
/// layers lose different numbers, where the target takes that.
///
/// Source: "DiEP: Adaptive Mixture-of-Experts Compression through Differentiable Expert Pruning".
/// Its raw product ranks an expert with negative `α` the lower the more its layer counts, and with
/// plain gradient descent from `α = 0` half of all `α` are negative; hence the other score by
/// default. The paper names no least number of experts; here as many stay in every layer as a token
/// uses.
///
/// @param learning how scores are learned
/// @param score what experts are ranked by
/// @param given the file of scores that the recipe names; empty: they are learned
/// @param learned the scores; null as long as nothing is learned
public record DiepPruning(
    LearningRequest learning,
    DiepScore score,
    Optional<Path> given,
    @Nullable LearnedScores learned)
    implements ScoredPruning, LearnedPruning {

  /// What there is to say about it.
  public static final MethodDescription DESCRIPTION =
      new MethodDescription(
          "diep",
          "`N · ā_j · β` with `ā = softmax(α)`, where `α` of each expert and `β` of each layer are"
              + " learned by gradients, the model frozen",
          "Learns before it ranks, which takes many passes over the model; the scores serve any"
              + " number of experts. Wants about 128 texts.",
          "DiEP: Differentiable Expert Pruning; no code was published",
          "",
          List.of(
              Option.choice(
                  "relaxation",
                  Relaxation.labels(),
                  "`dense`: all experts side by side while it learns, `y = β Σ ā_i f_i`; `router`:"
                      + " those the router chooses, `y = β Σ g_i · N ā_i · f_i`",
                  "dense"),
              Option.choice(
                  "score",
                  DiepScore.labels(),
                  "`sign-safe` for `N · ā · β`, `raw` for `α · β`",
                  "sign-safe"),
              new Option(
                  "epochs", "a whole number from 1 on", "times that every text is seen", "10"),
              new Option(
                  "batch",
                  "a whole number from 1 on",
                  "texts for each update; few texts want a small one",
                  "16"),
              new Option(
                  "rate",
                  "a number above 0",
                  "learning rate at the start, of a cosine schedule",
                  "0.1"),
              new Option(
                  "lambda",
                  "a number from 0 on",
                  "weight of the distance from the original model",
                  "0.01"),
              Option.choice(
                  "distance",
                  DistanceKind.labels(),
                  "what it is between: `hidden` states behind the final norm, or `logits`",
                  "hidden"),
              Option.choice(
                  "optimiser", OptimiserKind.labels(), "how a step follows from gradients", "adam"),
              new Option(
                  "seed", "a whole number", "decides the order of texts", "the seed of the recipe"),
              new Option(
                  "learned",
                  "a path",
                  "a file of scores of this checkpoint, learned in another run; nothing is learned"
                      + " then",
                  "none: they are learned")),
          "- prune: {method: diep, keep: 75%, epochs: 10}");

  @Override
  public String name() {
    return DESCRIPTION.name();
  }

  /// The paper ranks the experts of all layers together.
  @Override
  public AllocationMode defaultAllocation() {
    return AllocationMode.GLOBAL;
  }

  /// Learning goes over the calibration texts, and so does the count of every expert's tokens.
  @Override
  public Set<Statistic> needs() {
    return Set.of(Statistic.ROUTED_TOKENS);
  }

  @Override
  public DiepPruning with(LearnedScores scores) {
    return new DiepPruning(learning, score, given, scores);
  }

  @Override
  public List<String> notes() {
    if (learned == null) {
      return List.of();
    }
    return List.of(
        Checks.text(
            "diep: scores learned in %d steps (relaxation %s, %s), %s",
            learned.curve().steps(),
            learned.request().relaxation().label(),
            learned.request().optimiser().label(),
            learned.digest()));
  }

  @Override
  public double[] scores(int layer, Evidence.Layer evidence, PruneRequest request) {
    if (learned == null) {
      throw new PlanMismatchException("diep: nothing is learned (expected scores). Learn first.");
    }
    LearnedScores.Layer own = learned.layers().get(layer);
    if (own == null || own.alpha().size() != evidence.experts()) {
      throw new PlanMismatchException(
          "diep: layer %d: learned scores of %d experts (expected %d). Learn again on this model.",
          layer, own == null ? 0 : own.alpha().size(), evidence.experts());
    }
    return switch (score) {
      case SIGN_SAFE -> factors(own);
      case RAW -> own.alpha().stream().mapToDouble(alpha -> alpha * own.beta()).toArray();
    };
  }

  private static double[] factors(LearnedScores.Layer layer) {
    double[] factors = layer.shares();
    for (int expert = 0; expert < factors.length; expert++) {
      factors[expert] *= factors.length * layer.beta();
    }
    return factors;
  }
}
