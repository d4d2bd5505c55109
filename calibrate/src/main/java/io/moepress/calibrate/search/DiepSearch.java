package io.moepress.calibrate.search;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.TokenSequence;
import io.moepress.calibrate.forward.ForwardPass;
import io.moepress.calibrate.forward.Goal;
import io.moepress.calibrate.forward.Goal.Loss;
import io.moepress.calibrate.forward.GradientPass;
import io.moepress.calibrate.forward.GradientPass.Batch;
import io.moepress.calibrate.forward.GradientPass.Gradient;
import io.moepress.calibrate.forward.HiddenStates;
import io.moepress.calibrate.forward.MoePass;
import io.moepress.calibrate.forward.PassResources;
import io.moepress.formats.Checks;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.recipes.evidence.LearnedScores;
import io.moepress.recipes.evidence.LearnedScores.Curve;
import io.moepress.recipes.evidence.LearnedScores.Subject;
import io.moepress.recipes.evidence.LearningRequest;
import io.moepress.recipes.work.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/// DiEP's search: learns by gradients how much each expert counts in its layer, `α`, and each layer
/// in the model, `β`, while the model itself stays as it is.
///
/// ```
/// L = CE(next token) + λ · ‖F′(x; α, β) − F(x)‖_F          F the original model
/// three steps move α, the next one β, and so on
/// rate of step t of T = rate · (1 + cos(π t / T)) / 2
/// ```
///
/// Every epoch takes the texts in another order, which the seed decides; a step takes the next
/// `batch` of them. The result depends on nothing but model, texts and request.
///
/// Source: "DiEP: Adaptive Mixture-of-Experts Compression through Differentiable Expert Pruning",
/// equations 4 to 7. The paper leaves open what `F` is, the optimiser and where parameters begin;
/// here they are options with a default, and `α = 0`, `β = 1`.
public final class DiepSearch {
  /// Steps that move `α` before one moves `β`.
  private static final int ALPHA_STEPS = 3;

  private final MoeModel model;
  private final PassResources resources;

  /// Prepares searches in a model.
  public DiepSearch(MoeModel model, PassResources resources) {
    this.model = model;
    this.resources = resources;
  }

  /// Learns, and goes on where an earlier call with the same arguments was stopped.
  ///
  /// @param subject names what is learned of, and holds the request
  /// @param texts the texts it names
  /// @param stateFile where the state between steps is kept; delete it when the result is safe
  public LearnedScores learn(Subject subject, Corpus texts, Path stateFile) throws IOException {
    try (HiddenStates original =
        new ForwardPass(model, resources).run("the original", texts, MoePass.Observer.NONE)) {
      Course course = new Course(subject, texts, original, stateFile);
      course.restore();
      course.run();
      return LearnedScores.of(subject, course.parameters.learned(), course.curve());
    }
  }

  /// A search under way.
  private final class Course {
    private final Subject subject;
    private final LearningRequest request;
    private final Corpus texts;
    private final HiddenStates original;
    private final Path stateFile;
    private final Goal goal;
    private final List<Loss> losses = new ArrayList<>();
    private DiepParameters parameters;
    private Optimiser ofAlpha;
    private Optimiser ofBeta;

    Course(Subject subject, Corpus texts, HiddenStates original, Path stateFile) {
      this.subject = subject;
      this.request = subject.request();
      this.texts = texts;
      this.original = original;
      this.stateFile = stateFile;
      this.goal = new Goal(request.distance(), request.lambda());
      ModelLayout layout = model.layout();
      this.parameters =
          DiepParameters.begin(request.relaxation(), layout.moeLayers(), layout.experts());
      this.ofAlpha = Optimiser.of(request.optimiser(), Optimiser.Memory.NONE);
      this.ofBeta = Optimiser.of(request.optimiser(), Optimiser.Memory.NONE);
    }

    void restore() throws IOException {
      SearchState state = SearchState.read(stateFile, subject).orElse(null);
      if (state == null) {
        return;
      }
      parameters =
          new DiepParameters(
              request.relaxation(),
              model.layout().moeLayers(),
              model.layout().experts(),
              state.alpha(),
              state.beta());
      ofAlpha = Optimiser.of(request.optimiser(), state.ofAlpha());
      ofBeta = Optimiser.of(request.optimiser(), state.ofBeta());
      Curve curve = state.curve();
      for (int step = 0; step < curve.steps(); step++) {
        losses.add(new Loss(curve.crossEntropy().get(step), curve.distance().get(step)));
      }
      resources
          .progress()
          .note(Checks.text("learning: goes on behind step %d of %d", losses.size(), steps()));
    }

    private int stepsPerEpoch() {
      return Math.ceilDiv(texts.sequences().size(), request.batch());
    }

    private int steps() {
      return Math.multiplyExact(stepsPerEpoch(), request.epochs());
    }

    void run() throws IOException {
      GradientPass pass = new GradientPass(model, resources);
      int begin = losses.size();
      try (Progress.Task task =
          resources.progress().begin("learning", steps() - (long) begin, "steps")) {
        for (int step = begin; step < steps(); step++) {
          Gradient gradient = pass.run(batch(step), parameters.scales(), goal);
          requireFinite(step, gradient.loss());
          losses.add(gradient.loss());
          move(step, gradient);
          keep();
          task.advance(1);
        }
      }
    }

    private void requireFinite(int step, Loss loss) {
      Checks.requireFormat(
          Double.isFinite(goal.total(loss)),
          "learning: the objective of step %d is %s. Give a lower rate.",
          step + 1,
          goal.total(loss));
    }

    private void move(int step, Gradient gradient) {
      double rate = request.rate() * (1 + Math.cos(Math.PI * step / steps())) / 2;
      if (step % (ALPHA_STEPS + 1) < ALPHA_STEPS) {
        ofAlpha.step(parameters.alpha(), parameters.ofAlpha(gradient.factors()), rate);
      } else {
        ofBeta.step(parameters.beta(), parameters.ofBeta(gradient.factors()), rate);
      }
    }

    private void keep() throws IOException {
      Path parent = stateFile.toAbsolutePath().getParent();
      if (parent != null) {
        Files.createDirectories(parent);
      }
      new SearchState(
              subject,
              parameters.alpha(),
              parameters.beta(),
              ofAlpha.memory(),
              ofBeta.memory(),
              curve())
          .write(stateFile);
    }

    private Curve curve() {
      return new Curve(
          losses.stream().map(Loss::crossEntropy).toList(),
          losses.stream().map(Loss::distance).toList(),
          losses.stream().map(goal::total).toList());
    }

    private Batch batch(int step) {
      int[] order = order(step / stepsPerEpoch());
      int first = step % stepsPerEpoch() * request.batch();
      int[] chosen =
          Arrays.copyOfRange(order, first, Math.min(order.length, first + request.batch()));
      List<TokenSequence> sequences = new ArrayList<>();
      int[] rows = new int[chosen.length];
      int[] starts = texts.starts();
      for (int i = 0; i < chosen.length; i++) {
        sequences.add(texts.sequences().get(chosen[i]));
        rows[i] = starts[chosen[i]];
      }
      return new Batch(new Corpus(texts.domains(), sequences), original, rows);
    }

    /// All texts in the order of an epoch.
    private int[] order(int epoch) {
      SplittableRandom random =
          new SplittableRandom(new SplittableRandom(request.seed()).nextLong() + epoch);
      int[] order = new int[texts.sequences().size()];
      for (int i = 0; i < order.length; i++) {
        int place = random.nextInt(i + 1);
        order[i] = order[place];
        order[place] = i;
      }
      return order;
    }
  }
}
