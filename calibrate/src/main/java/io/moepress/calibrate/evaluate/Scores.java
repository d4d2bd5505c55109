package io.moepress.calibrate.evaluate;

import io.moepress.calibrate.evaluate.EvaluationData.QuestionFile;
import io.moepress.calibrate.evaluate.EvaluationData.ScoredQuestion;
import io.moepress.calibrate.evaluate.SequenceScorer.Score;
import io.moepress.recipes.evaluation.Evaluation.ChoiceScore;
import io.moepress.recipes.evaluation.Evaluation.Comparison;
import io.moepress.recipes.evaluation.Evaluation.CorpusScore;
import java.util.List;

/// Sums up the scores of sequences.
final class Scores {
  private Scores() {}

  /// Perplexity of a file of texts.
  static CorpusScore corpus(String file, List<Score> scores, boolean compared) {
    long tokens = 0;
    double nll = 0;
    for (Score score : scores) {
      tokens += score.logProbabilities().length;
      nll -= sum(score.logProbabilities(), 0);
    }
    return new CorpusScore(
        file,
        scores.size(),
        tokens,
        nll,
        Math.exp(nll / tokens),
        compared ? comparison(scores) : null);
  }

  /// Distance from the reference over all positions.
  static Comparison comparison(List<Score> scores) {
    long positions = scores.stream().mapToLong(score -> score.logProbabilities().length).sum();
    double divergence = 0;
    long agreements = 0;
    for (Score score : scores) {
      divergence += score.divergence();
      agreements += score.agreements();
    }
    return new Comparison(divergence / positions, (double) agreements / positions);
  }

  /// Accuracy on a file of questions.
  static ChoiceScore choices(QuestionFile file, List<Score> scores) {
    int correct = 0;
    int correctNormalized = 0;
    int next = 0;
    for (ScoredQuestion question : file.questions()) {
      int choices = question.characters().size();
      double[] sums = new double[choices];
      double[] perCharacter = new double[choices];
      for (int choice = 0; choice < choices; choice++) {
        // Index i holds token i + 1; the tokens behind the context's own count are the choice's.
        int first = Math.max(0, question.contextTokens() - 1);
        sums[choice] = sum(scores.get(next++).logProbabilities(), first);
        perCharacter[choice] = sums[choice] / question.characters().get(choice);
      }
      correct += best(sums) == question.answer() ? 1 : 0;
      correctNormalized += best(perCharacter) == question.answer() ? 1 : 0;
    }
    int items = file.questions().size();
    return new ChoiceScore(
        file.file(), items, correct, (double) correct / items, (double) correctNormalized / items);
  }

  private static double sum(float[] values, int first) {
    double sum = 0;
    for (int i = first; i < values.length; i++) {
      sum += values[i];
    }
    return sum;
  }

  /// Index of the largest value, the lower one on ties.
  private static int best(double[] values) {
    int best = 0;
    for (int i = 1; i < values.length; i++) {
      best = values[i] > values[best] ? i : best;
    }
    return best;
  }
}
