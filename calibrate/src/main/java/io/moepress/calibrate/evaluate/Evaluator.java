package io.moepress.calibrate.evaluate;

import io.moepress.calibrate.corpus.TokenSequence;
import io.moepress.calibrate.evaluate.EvaluationData.QuestionFile;
import io.moepress.calibrate.evaluate.EvaluationData.TextFile;
import io.moepress.calibrate.evaluate.SequenceScorer.Predictor;
import io.moepress.calibrate.evaluate.SequenceScorer.Score;
import io.moepress.calibrate.forward.ForwardPass;
import io.moepress.calibrate.forward.HiddenStates;
import io.moepress.calibrate.forward.MoePass;
import io.moepress.calibrate.forward.OutputHead;
import io.moepress.calibrate.forward.PassResources;
import io.moepress.formats.Checks;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.recipes.evaluation.Evaluation;
import io.moepress.recipes.work.Progress;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Evaluates checkpoints on the same data: perplexity, multiple choice, distance from a reference.
public final class Evaluator {
  private final EvaluationData data;
  private final PassResources resources;

  /// Prepares evaluations on `data`.
  public Evaluator(EvaluationData data, PassResources resources) {
    this.data = data;
    this.resources = resources;
  }

  /// The last hidden states of a model on the data, kept to compare others with.
  public static final class Reference implements AutoCloseable {
    private final Predictor predictor;

    private Reference(Predictor predictor) {
      this.predictor = predictor;
    }

    @Override
    public void close() {
      predictor.hidden().close();
      predictor.head().close();
    }
  }

  /// Runs a model over the data once, to be scored and compared with.
  public Reference run(String title, MoeModel model) throws IOException {
    OutputHead head = new OutputHead(model);
    boolean finished = false;
    try {
      HiddenStates hidden =
          new ForwardPass(model, resources).run(title, data.corpus(), MoePass.Observer.NONE);
      finished = true;
      return new Reference(new Predictor(hidden, head));
    } finally {
      if (!finished) {
        head.close();
      }
    }
  }

  /// Scores what [#run] saw.
  ///
  /// @param reference what to compare it with, or null
  public Evaluation score(Reference model, @Nullable Reference reference) throws IOException {
    if (reference != null) {
      requireSameVocabulary(model.predictor.head(), reference.predictor.head());
    }
    SequenceScorer scorer =
        new SequenceScorer(model.predictor, reference == null ? null : reference.predictor);
    List<TokenSequence> sequences = data.corpus().sequences();
    int[] starts = data.corpus().starts();
    List<List<Score>> scores = new ArrayList<>();
    data.files().forEach(file -> scores.add(new ArrayList<>()));
    try (Progress.Task task = resources.progress().begin("scoring", sequences.size(), "texts")) {
      resources
          .workers()
          .ordered(
              sequences.size(),
              index -> scorer.score(sequences.get(index).ids(), starts[index]),
              (index, score) -> {
                scores.get(sequences.get(index).domain()).add(score);
                task.advance(1);
              });
    }
    return summarise(scores, reference != null);
  }

  private static void requireSameVocabulary(OutputHead model, OutputHead reference) {
    Checks.requireFormat(
        model.vocabulary() == reference.vocabulary(),
        "the reference has a vocabulary of %d tokens, the checkpoint one of %d; they cannot be"
            + " compared",
        reference.vocabulary(),
        model.vocabulary());
  }

  private Evaluation summarise(List<List<Score>> scores, boolean compared) {
    List<Evaluation.CorpusScore> corpora = new ArrayList<>();
    List<Evaluation.ChoiceScore> choices = new ArrayList<>();
    List<Score> texts = new ArrayList<>();
    for (int i = 0; i < scores.size(); i++) {
      switch (data.files().get(i)) {
        case TextFile file -> {
          corpora.add(Scores.corpus(file.file(), scores.get(i), compared));
          texts.addAll(scores.get(i));
        }
        case QuestionFile file -> choices.add(Scores.choices(file, scores.get(i)));
      }
    }
    boolean comparable = compared && !texts.isEmpty();
    return new Evaluation(corpora, choices, comparable ? Scores.comparison(texts) : null);
  }
}
