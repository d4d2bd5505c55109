package io.moepress.calibrate.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.calibrate.corpus.Corpora;
import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.forward.PassResources;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.evidence.DistanceKind;
import io.moepress.recipes.evidence.LearnedScores;
import io.moepress.recipes.evidence.LearnedScores.Subject;
import io.moepress.recipes.evidence.LearningRequest;
import io.moepress.recipes.evidence.OptimiserKind;
import io.moepress.recipes.evidence.Relaxation;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.Planted;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class DiepSearchTest {
  private static final Corpus TEXTS = Corpora.of(Corpora.random(5, 32, 12, 9, 14, 3, 10, 11, 8));

  @TempDir Path folder;

  @Test
  void theObjectiveFalls() throws IOException {
    TinyMoe.qwen3().experts(6).write(folder);

    LearnedScores scores = learn(request(Relaxation.DENSE, 24, 7), 2, Progress.SILENT, "state");

    List<Double> objective = scores.curve().total();
    assertThat(objective).hasSize(24);
    assertThat(objective.getLast()).isLessThan(0.99 * objective.getFirst());
  }

  /// What the original puts out is made by the others alone.
  @Test
  void expertsThatNoTokenReachesCountLeast() throws IOException {
    TinyMoe.qwen3()
        .experts(4)
        .plant(Planted.unreachableExperts(0, 1, 3))
        .plant(Planted.unreachableExperts(1, 0, 2))
        .write(folder);

    LearningRequest request =
        new LearningRequest(
            Relaxation.DENSE, DistanceKind.HIDDEN, 10, OptimiserKind.ADAM, 0.1, 20, 4, 42);
    LearnedScores scores = learn(request, 2, Progress.SILENT, "state");

    assertThat(lowest(scores, 0)).containsExactlyInAnyOrder(1, 3);
    assertThat(lowest(scores, 1)).containsExactlyInAnyOrder(0, 2);
  }

  private static List<Integer> lowest(LearnedScores scores, int layer) {
    List<Double> alpha = Objects.requireNonNull(scores.layers().get(layer)).alpha();
    return IntStream.range(0, alpha.size())
        .boxed()
        .sorted(Comparator.comparing(alpha::get))
        .limit(2)
        .toList();
  }

  @ParameterizedTest
  @EnumSource
  void threadsDoNotChangeADigit(Relaxation relaxation) throws IOException {
    TinyMoe.mixtral().write(folder);

    LearnedScores alone = learn(request(relaxation, 2, 3), 1, Progress.SILENT, "one");
    LearnedScores together = learn(request(relaxation, 2, 3), 4, Progress.SILENT, "four");

    assertThat(together).isEqualTo(alone);
  }

  @Test
  void goingOnGivesTheSameAsNeverStopping() throws IOException {
    TinyMoe.qwen3().write(folder);
    LearningRequest request = request(Relaxation.DENSE, 3, 2);
    LearnedScores whole = learn(request, 2, Progress.SILENT, "whole");

    assertThatExceptionOfType(CancellationException.class)
        .isThrownBy(() -> learn(request, 2, new Stopping(5), "stopped"));
    Counting counting = new Counting();
    LearnedScores resumed = learn(request, 2, counting, "stopped");

    assertThat(resumed).isEqualTo(whole);
    assertThat(counting.notes).isEqualTo("learning: goes on behind step 5 of 12");
  }

  @Test
  void theStateOfAnotherSearchIsLeftAlone() throws IOException {
    TinyMoe.qwen3().write(folder);
    LearnedScores whole = learn(request(Relaxation.DENSE, 2, 4), 2, Progress.SILENT, "own");
    assertThatExceptionOfType(CancellationException.class)
        .isThrownBy(() -> learn(request(Relaxation.ROUTER, 2, 4), 2, new Stopping(1), "other"));

    assertThat(learn(request(Relaxation.DENSE, 2, 4), 2, Progress.SILENT, "other"))
        .isEqualTo(whole);
  }

  /// With one step an epoch: the fourth is the first that moves `β`.
  @Test
  void threeStepsMoveAlphaAndTheFourthBeta() throws IOException {
    TinyMoe.qwen3().write(folder);

    LearnedScores three = learn(request(Relaxation.DENSE, 3, 7), 1, Progress.SILENT, "three");
    LearnedScores four = learn(request(Relaxation.DENSE, 4, 7), 1, Progress.SILENT, "four");

    assertThat(three.layers().values()).allMatch(layer -> layer.beta() == 1);
    assertThat(four.layers().values()).allMatch(layer -> layer.beta() != 1);
  }

  private static LearningRequest request(Relaxation relaxation, int epochs, int batch) {
    return new LearningRequest(
        relaxation, DistanceKind.HIDDEN, 0.01, OptimiserKind.ADAM, 0.1, epochs, batch, 42);
  }

  private LearnedScores learn(LearningRequest request, int threads, Progress progress, String state)
      throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(folder);
        Workers workers = new Workers(threads)) {
      MoeModel model = MoeModel.of(checkpoint);
      return new DiepSearch(model, PassResources.inMemory(workers, progress))
          .learn(
              new Subject("sha256:model", TEXTS.digest(), request),
              TEXTS,
              folder.resolve(state + ".state"));
    }
  }

  /// Stops the search behind some steps.
  private record Stopping(int steps) implements Progress {
    @Override
    public Task begin(String title, long total, String unit) {
      AtomicInteger done = new AtomicInteger();
      return new Task() {
        @Override
        public void advance(long more) {
          if (unit.equals("steps") && done.incrementAndGet() == steps) {
            throw new CancellationException("stopped");
          }
        }

        @Override
        public void close() {}
      };
    }
  }

  /// Remembers what was said.
  private static final class Counting implements Progress {
    private String notes = "";

    @Override
    public Task begin(String title, long total, String unit) {
      return Progress.SILENT.begin(title, total, unit);
    }

    @Override
    public void note(String text) {
      notes += text;
    }
  }
}
