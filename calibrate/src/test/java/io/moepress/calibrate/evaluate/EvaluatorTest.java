package io.moepress.calibrate.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import io.moepress.calibrate.corpus.Corpora;
import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.TokenSequence;
import io.moepress.calibrate.evaluate.EvaluationData.EvaluationFile;
import io.moepress.calibrate.evaluate.EvaluationData.QuestionFile;
import io.moepress.calibrate.evaluate.EvaluationData.ScoredQuestion;
import io.moepress.calibrate.evaluate.EvaluationData.TextFile;
import io.moepress.calibrate.forward.PassResources;
import io.moepress.calibrate.forward.Streamed;
import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.evaluation.Evaluation;
import io.moepress.recipes.evaluation.Evaluation.ChoiceScore;
import io.moepress.recipes.evaluation.Evaluation.Comparison;
import io.moepress.recipes.evaluation.Evaluation.CorpusScore;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.Planted;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvaluatorTest {
  private static final int VOCABULARY = 32;

  @TempDir Path folder;
  private Path model;

  @BeforeEach
  void write() throws IOException {
    model = TinyMoe.qwen3().write(folder.resolve("model"));
  }

  // Perplexity.

  /// A head of zeros finds all 32 tokens equally likely: ln 32 for each predicted token.
  @Test
  void aModelThatKnowsNothingHasThePerplexityOfItsVocabulary() throws IOException {
    Path ignorant =
        TinyMoe.qwen3()
            .with("lm_head.weight", new float[VOCABULARY * 16])
            .write(folder.resolve("ignorant"));
    EvaluationData data = texts(Corpora.of(Corpora.random(1, VOCABULARY, 12, 1, 5)));

    CorpusScore score = evaluate(ignorant, data, null).corpora().getFirst();

    assertThat(score.sequences()).isEqualTo(3);
    assertThat(score.tokens()).isEqualTo(11 + 0 + 4); // the first of each text is not predicted
    assertThat(score.nll()).isCloseTo(15 * Math.log(32), within(15 * 4e-7));
    assertThat(score.perplexity()).isCloseTo(32, within(32 * 4e-7));
    assertThat(score.comparison()).isNull();
  }

  @Test
  void theLikelihoodOfATokenIsReadOffTheLogitsOfTheTokenBefore() throws IOException {
    Corpus corpus = Corpora.of(Corpora.random(1, VOCABULARY, 9, 14));
    float[] logits = Streamed.logits(model, corpus, 1);
    double nll = 0;
    for (int sequence = 0; sequence < 2; sequence++) {
      int[] ids = corpus.sequences().get(sequence).ids();
      for (int i = 0; i + 1 < ids.length; i++) {
        int row = (corpus.starts()[sequence] + i) * VOCABULARY;
        nll -= logits[row + ids[i + 1]] - logSumExp(logits, row);
      }
    }

    CorpusScore score = evaluate(model, texts(corpus), null).corpora().getFirst();

    // 21 tokens, each rounded to float32 at a size of a few nats.
    assertThat(score.nll()).isCloseTo(nll, within(21 * 8 * Math.scalb(1.0, -23)));
  }

  private static double logSumExp(float[] logits, int row) {
    return Math.log(
        IntStream.range(row, row + VOCABULARY).mapToDouble(i -> Math.exp(logits[i])).sum());
  }

  // Distance from a reference.

  @Test
  void aModelIsNoDistanceFromItself() throws IOException {
    Evaluation evaluation =
        evaluate(model, texts(Corpora.of(Corpora.random(1, VOCABULARY, 40, 9))), model);

    assertThat(evaluation.comparison()).isEqualTo(new Comparison(0, 1));
    assertThat(evaluation.corpora().getFirst().comparison()).isEqualTo(new Comparison(0, 1));
  }

  /// Against a model that finds everything equally likely, `KL(p ‖ u) = ln V − H(p)`.
  @Test
  void theDivergenceIsTakenFromTheReference() throws IOException {
    Path ignorant =
        TinyMoe.qwen3()
            .with("lm_head.weight", new float[VOCABULARY * 16])
            .write(folder.resolve("ignorant"));
    Corpus corpus = Corpora.of(Corpora.random(3, VOCABULARY, 10));
    float[] logits = Streamed.logits(model, corpus, 1);
    double expected = 0;
    for (int token = 0; token < 9; token++) {
      expected += Math.log(VOCABULARY) - entropy(logits, token * VOCABULARY);
    }

    Comparison comparison = comparison(evaluate(ignorant, texts(corpus), model));

    // A mean of sums of 32 float32 terms.
    assertThat(comparison.klDivergence()).isCloseTo(expected / 9, within(32 * 4e-7));
    assertThat(comparison.klDivergence()).isGreaterThan(0.1);
  }

  private static double entropy(float[] logits, int row) {
    double normaliser = logSumExp(logits, row);
    return -IntStream.range(row, row + VOCABULARY)
        .mapToDouble(i -> Math.exp(logits[i] - normaliser) * (logits[i] - normaliser))
        .sum();
  }

  @Test
  void agreementIsTheShareOfPositionsWithTheSameBestToken() throws IOException {
    Path other = TinyMoe.qwen3().plant(Planted.superExpert(1, 0)).write(folder.resolve("other"));
    Corpus corpus = Corpora.of(Corpora.random(3, VOCABULARY, 60));
    float[] logits = Streamed.logits(model, corpus, 1);
    float[] others = Streamed.logits(other, corpus, 1);
    long same =
        IntStream.range(0, 59)
            .filter(token -> best(logits, token * VOCABULARY) == best(others, token * VOCABULARY))
            .count();
    assertThat(same).isBetween(1L, 58L);

    Comparison comparison = comparison(evaluate(other, texts(corpus), model));

    assertThat(comparison.top1Agreement()).isEqualTo(same / 59.0);
    assertThat(comparison.klDivergence()).isPositive();
  }

  private static int best(float[] logits, int row) {
    int best = row;
    for (int i = row; i < row + VOCABULARY; i++) {
      best = logits[i] > logits[best] ? i : best;
    }
    return best - row;
  }

  private static Comparison comparison(Evaluation evaluation) {
    return Objects.requireNonNull(evaluation.comparison());
  }

  @Test
  void everyFileHasItsOwnDistance() throws IOException {
    Path other = TinyMoe.qwen3().plant(Planted.superExpert(1, 0)).write(folder.resolve("other"));
    Corpus corpus =
        Corpora.of(Corpora.random(1, VOCABULARY, 21), Corpora.random(2, VOCABULARY, 31, 11));

    Evaluation evaluation = evaluate(other, texts(corpus), model);

    Comparison first = Objects.requireNonNull(evaluation.corpora().get(0).comparison());
    Comparison second = Objects.requireNonNull(evaluation.corpora().get(1).comparison());
    assertThat(first).isNotEqualTo(second);
    // 20 and 40 predicted tokens.
    assertThat(comparison(evaluation).klDivergence())
        .isCloseTo((20 * first.klDivergence() + 40 * second.klDivergence()) / 60, within(1e-12));
    assertThat(comparison(evaluation).top1Agreement())
        .isCloseTo((20 * first.top1Agreement() + 40 * second.top1Agreement()) / 60, within(1e-12));
  }

  @Test
  void aReferenceWithAnotherVocabularyIsRefused() throws IOException {
    Path larger = TinyMoe.qwen3().vocabulary(40).write(folder.resolve("larger"));
    EvaluationData data = texts(Corpora.of(new int[] {1, 2, 3}));

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> evaluate(model, data, larger))
        .withMessage(
            "the reference has a vocabulary of 40 tokens, the checkpoint one of 32; they cannot be"
                + " compared");
  }

  // Multiple choice.

  /// A head that likes token 7 best, then 9, whatever stands before.
  private Path likes() throws IOException {
    float[] head = new float[VOCABULARY * 16];
    // The first coordinate of the last hidden state is positive (see Planted.unreachableExperts).
    head[7 * 16] = 2;
    head[9 * 16] = 1;
    return TinyMoe.qwen3()
        .plant(Planted.unreachableExperts(0, 0))
        .with("lm_head.weight", head)
        .write(folder.resolve("likes"));
  }

  @Test
  void theLikeliestChoiceIsTaken() throws IOException {
    EvaluationData data =
        questions(
            List.of(
                new ScoredQuestion(2, List.of(1, 1, 1), 1), // 5 7 9: right is 7
                new ScoredQuestion(2, List.of(1, 1, 1), 0), // 9 5 7: right would be 7
                new ScoredQuestion(2, List.of(1, 1, 1), 2)), // 5 5 9: right is 9
            new int[][] {
              {1, 2, 5}, {1, 2, 7}, {1, 2, 9},
              {3, 4, 9}, {3, 4, 5}, {3, 4, 7},
              {8, 8, 5}, {8, 8, 5}, {8, 8, 9},
            });

    ChoiceScore score = evaluate(likes(), data, null).choices().getFirst();

    assertThat(score).isEqualTo(new ChoiceScore("choices.jsonl", 3, 2, 2 / 3.0, 2 / 3.0));
  }

  /// Two tokens cost more than one; per character the longer choice is the likelier.
  @Test
  void theNormalisedChoiceIsTheLikeliestPerCharacter() throws IOException {
    EvaluationData data =
        questions(
            List.of(new ScoredQuestion(1, List.of(1, 10), 1)), new int[][] {{1, 5}, {1, 7, 7, 7}});

    ChoiceScore score = evaluate(likes(), data, null).choices().getFirst();

    assertThat(score.correct()).isZero();
    assertThat(score.accuracyNormalized()).isEqualTo(1);
  }

  /// What both choices share, the context, does not count, however unlikely it is.
  @Test
  void onlyTheTokensBehindTheContextCount() throws IOException {
    EvaluationData data =
        questions(
            List.of(new ScoredQuestion(3, List.of(1, 1), 1)),
            new int[][] {{1, 7, 7, 5}, {1, 5, 5, 9}});

    assertThat(evaluate(likes(), data, null).choices().getFirst().correct()).isEqualTo(1);
  }

  @Test
  void amongEquallyLikelyChoicesTheFirstIsTaken() throws IOException {
    EvaluationData data =
        questions(
            List.of(
                new ScoredQuestion(1, List.of(1, 1), 0), new ScoredQuestion(1, List.of(1, 1), 1)),
            new int[][] {{1, 7}, {1, 7}, {1, 7}, {1, 7}});

    assertThat(evaluate(likes(), data, null).choices().getFirst().correct()).isEqualTo(1);
  }

  @Test
  void questionsHaveNoDistance() throws IOException {
    EvaluationData data =
        questions(List.of(new ScoredQuestion(1, List.of(1, 1), 0)), new int[][] {{1, 7}, {1, 5}});

    assertThat(evaluate(model, data, model).comparison()).isNull();
  }

  private static EvaluationData questions(List<ScoredQuestion> questions, int[][] sequences) {
    return new EvaluationData(
        Corpora.of(sequences), List.of(new QuestionFile("choices.jsonl", questions)));
  }

  // All of it.

  @Test
  void theNumberOfWorkersDoesNotChangeABit() throws IOException {
    EvaluationData data = texts(Corpora.of(Corpora.random(1, VOCABULARY, 40, 9, 1, 22, 31)));
    Path other = TinyMoe.qwen3().seed(2).write(folder.resolve("other"));

    assertThat(evaluate(other, data, model, 4)).isEqualTo(evaluate(other, data, model, 1));
  }

  /// A text file for each domain.
  private static EvaluationData texts(Corpus corpus) {
    int files = 1 + corpus.sequences().stream().mapToInt(TokenSequence::domain).max().orElseThrow();
    return new EvaluationData(
        corpus,
        IntStream.range(0, files)
            .<EvaluationFile>mapToObj(i -> new TextFile("file " + i))
            .toList());
  }

  private static Evaluation evaluate(Path model, EvaluationData data, @Nullable Path reference)
      throws IOException {
    return evaluate(model, data, reference, 2);
  }

  private static Evaluation evaluate(
      Path model, EvaluationData data, @Nullable Path reference, int threads) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(model);
        Workers workers = new Workers(threads)) {
      Evaluator evaluator = new Evaluator(data, PassResources.inMemory(workers, Progress.SILENT));
      try (Evaluator.Reference run = evaluator.run("test", MoeModel.of(checkpoint))) {
        if (reference == null) {
          return evaluator.score(run, null);
        }
        try (CheckpointDirectory original = CheckpointDirectory.open(reference);
            Evaluator.Reference compared = evaluator.run("test", MoeModel.of(original))) {
          return evaluator.score(run, compared);
        }
      }
    }
  }
}
