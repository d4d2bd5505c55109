package io.moepress.calibrate.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.torch.Torch;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.Checks;
import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;

/// Runs a whole corpus through a model, one layer at a time.
///
/// ```
/// h = embedding
/// for each layer:   h += attention(norm(h))          sequence by sequence
///                   h += moe(norm(h))                expert by expert, all its tokens at once
///                   h += shared expert(norm(h))      sequence by sequence
/// ```
///
/// A layer's attention is read once, each expert is read once for every block of its tokens, and
/// nothing else of the model is in memory. The result does not depend on the number of workers:
/// sequences are independent, and expert outputs are added in the order of experts.
public final class ForwardPass {
  private final MoeModel model;
  private final ModelLayout layout;
  private final PassResources resources;
  private final Workers workers;
  private final BlockLoader blocks;
  private final Rerouting rerouting;

  /// What becomes of the router's choices before the experts run.
  @FunctionalInterface
  interface Rerouting {
    /// The experts run as the router chose.
    Rerouting NONE = (layer, chosen) -> chosen;

    /// The routing that the experts of a layer run with; `chosen` stays as it is.
    Routing of(int layer, Routing chosen);
  }

  /// Prepares a pass.
  ///
  /// @throws io.moepress.formats.FormatException when the config asks for something that the
  ///   forward pass of its family does not do
  public ForwardPass(MoeModel model, PassResources resources) {
    this(model, resources, Rerouting.NONE);
  }

  ForwardPass(MoeModel model, PassResources resources, Rerouting rerouting) {
    this.model = model;
    this.layout = model.layout();
    layout.requireAssumptions();
    this.resources = resources;
    this.workers = resources.workers();
    this.blocks = new BlockLoader(model);
    this.rerouting = rerouting;
  }

  /// Runs all layers.
  ///
  /// @param title what the progress line calls this pass
  /// @param observer sees every MoE layer
  /// @return the residual stream behind the last layer, before the final norm; the caller closes it
  public HiddenStates run(String title, Corpus corpus, MoePass.Observer observer)
      throws IOException {
    return run(title, corpus, observer, Continuity.NONE);
  }

  /// Runs the layers that an earlier pass has not finished.
  ///
  /// @param title what the progress line calls this pass
  /// @param observer sees every MoE layer that is run
  /// @param continuity knows what is finished, and is told
  /// @return as above
  public HiddenStates run(
      String title, Corpus corpus, MoePass.Observer observer, Continuity continuity)
      throws IOException {
    int tokens = corpus.tokens();
    int width = layout.dimension(Dimension.HIDDEN);
    HiddenStates hidden = resources.states(tokens, width);
    boolean finished = false;
    try (HiddenStates inputs = resources.states(tokens, width);
        HiddenStates outputs = resources.states(tokens, width)) {
      run(title, new Streams(corpus, hidden, inputs, outputs), observer, continuity);
      finished = true;
      return hidden;
    } finally {
      if (!finished) {
        hidden.close();
      }
    }
  }

  private void run(String title, Streams streams, MoePass.Observer observer, Continuity continuity)
      throws IOException {
    long tokens = streams.corpus().tokens();
    int done = continuity.restore(streams.hidden());
    if (done == 0) {
      Embedding.lookUp(model, streams.corpus(), streams.hidden());
    } else {
      resources
          .progress()
          .note(Checks.text("%s: goes on behind layer %d of %d", title, done, layout.layers()));
    }
    try (Progress.Task task =
        resources.progress().begin(title, tokens - share(tokens, done), "tokens")) {
      for (int layer = done; layer < layout.layers(); layer++) {
        runLayer(layer, streams, observer);
        continuity.finished(layer + 1, streams.hidden());
        task.advance(share(tokens, layer + 1) - share(tokens, layer));
      }
    }
  }

  /// A token counts as done by the share of layers it went through.
  private long share(long tokens, int layersDone) {
    return tokens * layersDone / layout.layers();
  }

  /// The three matrices of a pass.
  ///
  /// @param hidden the residual stream
  /// @param inputs what the feed-forward network of a layer sees
  /// @param outputs what it gives
  private record Streams(
      Corpus corpus, HiddenStates hidden, HiddenStates inputs, HiddenStates outputs) {

    void rest(long first, long count) {
      hidden.rest(first, count);
      inputs.rest(first, count);
      outputs.rest(first, count);
    }
  }

  private void runLayer(int layer, Streams streams, MoePass.Observer observer) throws IOException {
    streams.outputs().clear();
    if (layout.isMoe(layer)) {
      Routing chosen = Routing.ofTokens(streams.corpus().tokens(), layout.topK());
      attend(layer, streams, chosen);
      Routing routing = rerouting.of(layer, chosen);
      ExpertRunner experts =
          new ExpertRunner(layer, layout.experts(layer), blocks, workers, observer.wants());
      ExpertRunner.Result result = experts.run(streams.inputs(), routing, streams.outputs());
      observer.observe(
          new MoePass(
              layer,
              layout.experts(layer),
              routing,
              result.norms(),
              result.maxima(),
              streams.hidden(),
              streams.inputs(),
              streams.outputs(),
              result.sums(),
              sink -> forEachLogits(layer, streams, sink)));
      if (blocks.hasSharedExpert()) {
        addShared(layer, streams);
      }
    } else {
      attendDense(layer, streams);
    }
    forEachSequence(
        streams,
        (scope, first, count) ->
            view(scope, streams.hidden(), first, count)
                .addi(view(scope, streams.outputs(), first, count)));
  }

  /// Attention, then norm and router, sequence by sequence.
  private void attend(int layer, Streams streams, Routing routing) throws IOException {
    try (TorchScope weights = Torch.scope()) {
      AttentionHalf half = AttentionHalf.load(blocks, weights, layer);
      Linear routerWeight = blocks.routerWeight(weights, layer);
      TopKRouter router = blocks.router(layer);
      forEachSequence(
          streams,
          (scope, first, count) -> {
            NDArray input = attendSequence(half, scope, streams, first, count);
            route(router, routerWeight.apply(input), routing, first);
          });
    }
  }

  /// Calculates the router's logits once more, sequence by sequence. They are the same bits as when
  /// the tokens were routed, and need not be kept for those who do not ask.
  private void forEachLogits(int layer, Streams streams, MoePass.LogitSink sink)
      throws IOException {
    int[] starts = streams.corpus().starts();
    try (TorchScope weights = Torch.scope()) {
      Linear router = blocks.routerWeight(weights, layer);
      workers.ordered(
          starts.length,
          index -> {
            int count = streams.corpus().sequences().get(index).length();
            try (TorchScope scope = Torch.scope()) {
              NDArray input = view(scope, streams.inputs(), starts[index], count);
              float[] logits = TorchScope.values(router.apply(input)).toArray(JAVA_FLOAT);
              streams.inputs().rest(starts[index], count);
              return logits;
            }
          },
          (index, logits) -> sink.accept(starts[index], logits));
    }
  }

  /// Adds the shared expert's output to the residual stream, sequence by sequence.
  private void addShared(int layer, Streams streams) throws IOException {
    try (TorchScope weights = Torch.scope()) {
      SharedExpert expert = blocks.sharedExpert(weights, layer);
      forEachSequence(
          streams,
          (scope, first, count) -> {
            NDArray output = expert.apply(view(scope, streams.inputs(), first, count));
            view(scope, streams.hidden(), first, count).addi(output);
          });
    }
  }

  /// Attention, then the feed-forward network of a layer without experts.
  private void attendDense(int layer, Streams streams) throws IOException {
    try (TorchScope weights = Torch.scope()) {
      AttentionHalf half = AttentionHalf.load(blocks, weights, layer);
      GatedNetwork network = blocks.denseNetwork(weights, layer);
      forEachSequence(
          streams,
          (scope, first, count) -> {
            NDArray output = network.apply(attendSequence(half, scope, streams, first, count));
            streams.outputs().rows(first, count).copyFrom(TorchScope.values(output));
          });
    }
  }

  /// Updates the residual stream of one sequence and keeps the input of the layer's second half.
  private static NDArray attendSequence(
      AttentionHalf half, TorchScope scope, Streams streams, int first, int count) {
    NDArray hidden = view(scope, streams.hidden(), first, count);
    NDArray attended = half.attended(scope, hidden);
    NDArray input = half.input(hidden.addi(attended));
    streams.inputs().rows(first, count).copyFrom(TorchScope.values(input));
    return input;
  }

  static NDArray view(TorchScope scope, HiddenStates states, int first, int count) {
    return scope.over(states.rows(first, count), count, states.width());
  }

  static void route(TopKRouter router, NDArray logits, Routing routing, int first) {
    int experts = Math.toIntExact(logits.getShape().get(1));
    float[] values = TorchScope.values(logits).toArray(JAVA_FLOAT); // [tokens, experts]
    float[] row = new float[experts];
    for (int token = 0; token < logits.getShape().get(0); token++) {
      System.arraycopy(values, token * experts, row, 0, experts);
      router.route(row, routing, first + token);
    }
  }

  /// Work on the rows of one sequence.
  private interface SequenceJob {
    void run(TorchScope scope, int first, int count);
  }

  private void forEachSequence(Streams streams, SequenceJob job) throws IOException {
    int[] starts = streams.corpus().starts();
    workers.forEach(
        starts.length,
        index -> {
          int count = streams.corpus().sequences().get(index).length();
          try (TorchScope scope = Torch.scope()) {
            job.run(scope, starts[index], count);
          }
          streams.rest(starts[index], count);
        });
  }
}
