package io.moepress.recipes.evaluation;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// How good a checkpoint is. Its JSON form is stable: programs read it.
///
/// @param corpora one entry for each file of texts
/// @param choices one entry for each file of multiple-choice questions
/// @param comparison distance from a reference; null when there was none
public record Evaluation(
    List<CorpusScore> corpora,
    List<ChoiceScore> choices,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Comparison comparison) {

  public Evaluation {
    corpora = List.copyOf(corpora);
    choices = List.copyOf(choices);
  }

  /// Language modelling on one file.
  ///
  /// @param file the file, as given
  /// @param sequences number of texts
  /// @param tokens number of predicted tokens, all but the first of each text
  /// @param nll sum of their negative log-likelihoods, in nats
  /// @param perplexity `exp(nll / tokens)`
  /// @param comparison distance from the reference on this file; null when there was none
  public record CorpusScore(
      String file,
      long sequences,
      long tokens,
      double nll,
      double perplexity,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Comparison comparison) {}

  /// Multiple choice on one file.
  ///
  /// @param file the file, as given
  /// @param items number of questions
  /// @param correct how many were answered right by the sum of log-probabilities
  /// @param accuracy `correct / items`
  /// @param accuracyNormalized the same by that sum per character of the choice
  public record ChoiceScore(
      String file, long items, long correct, double accuracy, double accuracyNormalized) {}

  /// Distance from a reference on the predicted tokens of all texts.
  ///
  /// @param klDivergence mean of `KL(reference ‖ checkpoint)` over next-token distributions, in
  ///   nats
  /// @param top1Agreement share of positions where both find the same token most likely
  public record Comparison(double klDivergence, double top1Agreement) {}
}
