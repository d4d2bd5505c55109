package io.moepress.calibrate.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.torch.GradientTape;
import io.moepress.calibrate.torch.Torch;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.recipes.evidence.Relaxation;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Works backward through one layer after the other: each is calculated once more from the residual
/// stream in front of it, and differentiated.
///
/// ```
/// forward:   m = h + attention(norm(h))     x = norm(m)     z = router(x)
///            h' = m + Σ_j w_j(z) s_j f_j(x) + shared(x)
/// backward:  from ∂L/∂h' and the experts' ∂L/∂w, ∂L/∂x:
///            1. the experts, one by one            gives ∂L/∂s, ∂L/∂w and their part of ∂L/∂x
///            2. ∂L/∂w to ∂L/∂z, token by token
///            3. everything else at once, sequence by sequence        gives ∂L/∂h
/// ```
///
/// @param texts what goes through the model
/// @param scales the factors `s`
/// @param inputs room for `x`
/// @param inputGradient room for `∂L/∂x`
record LayerBackward(
    BlockLoader blocks,
    Workers workers,
    Corpus texts,
    ExpertScales scales,
    HiddenStates inputs,
    HiddenStates inputGradient) {

  /// The two matrices a layer has of its own.
  ///
  /// @param before the residual stream in front of it
  /// @param gradient with respect to the residual stream behind it; on return, in front of it
  record Ends(HiddenStates before, HiddenStates gradient) {
    void rest(long first, long count) {
      before.rest(first, count);
      gradient.rest(first, count);
    }
  }

  /// Works backward through a layer without routed experts.
  void dense(int layer, Ends ends) throws IOException {
    try (TorchScope weights = Torch.scope()) {
      AttentionHalf half = AttentionHalf.load(blocks, weights, layer);
      GatedNetwork network = blocks.denseNetwork(weights, layer);
      forEachSequence(
          ends,
          (scope, first, count) -> {
            try (GradientTape tape = new GradientTape()) {
              NDArray h = tape.variable(LayerRunner.view(scope, ends.before(), first, count));
              NDArray middle = h.add(half.attended(scope, h, LinearTap.NONE));
              NDArray after = middle.add(network.apply(half.input(middle, LinearTap.NONE)));
              NDArray upstream = LayerRunner.view(scope, ends.gradient(), first, count);
              tape.backward(new NDArray[] {after}, new NDArray[] {upstream});
              keep(tape.gradient(h), ends, first, count);
            }
          });
    }
  }

  /// Works backward through a layer with routed experts.
  ///
  /// @param further whether the gradient in front of the layer is needed, too
  /// @return `∂L/∂s`, `[E]`
  double[] moe(int layer, Ends ends, boolean further) throws IOException {
    ModelLayout layout = blocks.layout();
    Routing chosen = Routing.ofTokens(texts.tokens(), layout.topK());
    recompute(layer, ends, chosen);
    Routing unscaled = scales.unscaled(layer, chosen);
    inputGradient.clear();
    double[] products =
        new ExpertBackward(layer, layout.experts(), blocks, workers)
            .run(inputs, scales.of(layer, chosen), ends.gradient(), further ? inputGradient : null);
    double[] gradient = new double[layout.experts()];
    for (int slot = 0; slot < products.length; slot++) {
      gradient[unscaled.experts()[slot]] += unscaled.weights()[slot] * products[slot];
    }
    if (further) {
      double[] ofWeights = scaled(layer, unscaled, products);
      throughAttention(layer, ends, new Choices(chosen, ofWeights));
    }
    return gradient;
  }

  /// What the router chose, and `∂L/∂w` of each choice.
  private record Choices(Routing chosen, double[] ofWeights) {}

  /// `∂L/∂w` of each slot, `s_j ⟨u, f_j(x)⟩`.
  private double[] scaled(int layer, Routing unscaled, double[] products) {
    double[] factors = scales.of(layer);
    double[] scaled = products.clone();
    for (int slot = 0; slot < scaled.length; slot++) {
      scaled[slot] *= factors[unscaled.experts()[slot]];
    }
    return scaled;
  }

  /// Calculates what the experts see and what the router chooses, bit for bit as on the way forth.
  private void recompute(int layer, Ends ends, Routing chosen) throws IOException {
    try (TorchScope weights = Torch.scope()) {
      AttentionHalf half = AttentionHalf.load(blocks, weights, layer);
      Linear routerWeight = blocks.routerWeight(weights, layer);
      TopKRouter router = blocks.router(layer);
      forEachSequence(
          ends,
          (scope, first, count) -> {
            NDArray h = LayerRunner.view(scope, ends.before(), first, count);
            NDArray x = half.input(h.add(half.attended(scope, h, LinearTap.NONE)), LinearTap.NONE);
            inputs.rows(first, count).copyFrom(TorchScope.values(x));
            LayerRunner.route(router, routerWeight.apply(x), chosen, first);
          });
    }
  }

  private void throughAttention(int layer, Ends ends, Choices choices) throws IOException {
    try (TorchScope weights = Torch.scope()) {
      AttentionHalf half = AttentionHalf.load(blocks, weights, layer);
      @Nullable SharedExpert shared =
          blocks.hasSharedExpert() ? blocks.sharedExpert(weights, layer) : null;
      Linear routerWeight = blocks.routerWeight(weights, layer);
      RouterGradient router = new RouterGradient(blocks.router(layer));
      forEachSequence(
          ends,
          (scope, first, count) -> {
            try (GradientTape tape = new GradientTape()) {
              NDArray h = tape.variable(LayerRunner.view(scope, ends.before(), first, count));
              NDArray middle = h.add(half.attended(scope, h, LinearTap.NONE));
              NDArray x = half.input(middle, LinearTap.NONE);
              NDArray u = LayerRunner.view(scope, ends.gradient(), first, count);
              List<NDArray> results = new ArrayList<>(List.of(middle, x));
              List<NDArray> upstream =
                  new ArrayList<>(List.of(u, LayerRunner.view(scope, inputGradient, first, count)));
              if (shared != null) {
                results.add(shared.apply(x, LinearTap.NONE));
                upstream.add(u);
              }
              if (scales.relaxation() == Relaxation.ROUTER) {
                NDArray logits = routerWeight.apply(x);
                results.add(logits);
                upstream.add(ofLogits(scope, router, logits, choices, first));
              }
              tape.backward(results.toArray(NDArray[]::new), upstream.toArray(NDArray[]::new));
              keep(tape.gradient(h), ends, first, count);
            }
          });
    }
  }

  /// `∂L/∂z` of a sequence, `[tokens, experts]`.
  private static NDArray ofLogits(
      TorchScope scope, RouterGradient router, NDArray logits, Choices choices, int first) {
    int tokens = Math.toIntExact(logits.getShape().get(0));
    int experts = Math.toIntExact(logits.getShape().get(1));
    int topK = choices.chosen().topK();
    float[] values = TorchScope.values(logits).toArray(JAVA_FLOAT);
    float[] gradient = new float[values.length];
    double[] row = new double[experts];
    for (int token = 0; token < tokens; token++) {
      for (int expert = 0; expert < experts; expert++) {
        row[expert] = values[token * experts + expert];
      }
      int from = (first + token) * topK;
      int[] chosen = Arrays.copyOfRange(choices.chosen().experts(), from, from + topK);
      double[] ofWeights = Arrays.copyOfRange(choices.ofWeights(), from, from + topK);
      double[] ofRow = router.ofLogits(row, chosen, ofWeights);
      for (int expert = 0; expert < experts; expert++) {
        gradient[token * experts + expert] = (float) ofRow[expert];
      }
    }
    return scope.copy(gradient, tokens, experts);
  }

  private static void keep(NDArray gradient, Ends ends, int first, int count) {
    ends.gradient().rows(first, count).copyFrom(TorchScope.values(gradient));
  }

  /// Work on the rows of one sequence.
  private interface SequenceJob {
    void run(TorchScope scope, int first, int count);
  }

  private void forEachSequence(Ends ends, SequenceJob job) throws IOException {
    int[] starts = texts.starts();
    workers.forEach(
        starts.length,
        index -> {
          int count = texts.sequences().get(index).length();
          try (TorchScope scope = Torch.scope()) {
            job.run(scope, starts[index], count);
          }
          ends.rest(starts[index], count);
          inputs.rest(starts[index], count);
          inputGradient.rest(starts[index], count);
        });
  }
}
