package io.moepress.calibrate.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.forward.ForwardPass.Rerouting;
import io.moepress.calibrate.torch.Torch;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.architecture.LinearInput;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.util.Set;

/// Runs single layers of a model on the matrices of a pass.
final class LayerRunner {
  private final ModelLayout layout;
  private final BlockLoader blocks;
  private final Workers workers;
  private final Streams streams;
  private final Rerouting rerouting;

  /// Prepares.
  ///
  /// @param streams read and written by each layer
  LayerRunner(MoeModel model, Workers workers, Streams streams, Rerouting rerouting) {
    this.layout = model.layout();
    this.blocks = new BlockLoader(model);
    this.workers = workers;
    this.streams = streams;
    this.rerouting = rerouting;
  }

  /// The three matrices of a pass.
  ///
  /// @param hidden the residual stream
  /// @param inputs what the feed-forward network of a layer sees
  /// @param outputs what it gives
  record Streams(Corpus corpus, HiddenStates hidden, HiddenStates inputs, HiddenStates outputs) {

    void rest(long first, long count) {
      hidden.rest(first, count);
      inputs.rest(first, count);
      outputs.rest(first, count);
    }
  }

  /// Runs a layer.
  ///
  /// @param observer sees it
  void run(int layer, MoePass.Observer observer) throws IOException {
    LinearMoments moments = new LinearMoments(observer.wantsLinears(layer));
    streams.outputs().clear();
    if (layout.isMoe(layer)) {
      runSparse(layer, observer, moments);
    } else {
      attendDense(layer, moments);
    }
    forEachSequence(
        (scope, first, count, tap) ->
            view(scope, streams.hidden(), first, count)
                .addi(view(scope, streams.outputs(), first, count)),
        new LinearMoments(Set.of()));
    if (!observer.wantsLinears(layer).isEmpty()) {
      observer.observe(layer, moments.all());
    }
  }

  private void runSparse(int layer, MoePass.Observer observer, LinearMoments moments)
      throws IOException {
    Routing chosen = Routing.ofTokens(streams.corpus().tokens(), layout.topK());
    attend(layer, chosen, moments);
    Routing routing = rerouting.of(layer, chosen);
    ExpertRunner experts =
        new ExpertRunner(layer, layout.routerRows(layer), blocks, workers, observer.wants());
    ExpertRunner.Result result = experts.run(streams.inputs(), routing, streams.outputs());
    observer.observe(
        new MoePass(
            layer,
            layout.routerRows(layer),
            routing,
            result.norms(),
            result.maxima(),
            streams.hidden(),
            streams.inputs(),
            streams.outputs(),
            result.sums(),
            sink -> forEachLogits(layer, sink),
            tokens -> new EveryExpert(layer, blocks, workers).over(streams.inputs(), tokens),
            widths ->
                new RoundedExperts(layer, layout.experts(layer), blocks, workers)
                    .errors(streams.inputs(), routing, widths),
            new ExpertActivations(layer, blocks, streams.inputs(), routing)));
    if (blocks.hasSharedExpert()) {
      addShared(layer, moments);
    }
  }

  /// Attention, then norm and router, sequence by sequence.
  private void attend(int layer, Routing routing, LinearMoments moments) throws IOException {
    try (TorchScope weights = Torch.scope()) {
      AttentionHalf half = AttentionHalf.load(blocks, weights, layer);
      Linear routerWeight = blocks.routerWeight(weights, layer);
      TopKRouter router = blocks.router(layer);
      forEachSequence(
          (scope, first, count, tap) -> {
            NDArray input = attendSequence(half, scope, first, count, tap);
            route(router, routerWeight.apply(input), routing, first);
          },
          moments);
    }
  }

  /// Calculates the router's logits once more, sequence by sequence. They are the same bits as when
  /// the tokens were routed, and need not be kept for those who do not ask.
  private void forEachLogits(int layer, MoePass.LogitSink sink) throws IOException {
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
  private void addShared(int layer, LinearMoments moments) throws IOException {
    try (TorchScope weights = Torch.scope()) {
      SharedExpert expert = blocks.sharedExpert(weights, layer);
      forEachSequence(
          (scope, first, count, tap) -> {
            NDArray output = expert.apply(view(scope, streams.inputs(), first, count), tap);
            view(scope, streams.hidden(), first, count).addi(output);
          },
          moments);
    }
  }

  /// Attention, then the feed-forward network of a layer without experts.
  private void attendDense(int layer, LinearMoments moments) throws IOException {
    try (TorchScope weights = Torch.scope()) {
      AttentionHalf half = AttentionHalf.load(blocks, weights, layer);
      GatedNetwork network = blocks.denseNetwork(weights, layer);
      forEachSequence(
          (scope, first, count, tap) -> {
            NDArray input = attendSequence(half, scope, first, count, tap);
            NDArray output = network.apply(input, LinearInput.DENSE_DOWN, tap);
            streams.outputs().rows(first, count).copyFrom(TorchScope.values(output));
          },
          moments);
    }
  }

  /// Updates the residual stream of one sequence and keeps the input of the layer's second half.
  private NDArray attendSequence(
      AttentionHalf half, TorchScope scope, int first, int count, LinearTap tap) {
    NDArray hidden = view(scope, streams.hidden(), first, count);
    NDArray input = half.input(hidden.addi(half.attended(scope, hidden, tap)), tap);
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
    void run(TorchScope scope, int first, int count, LinearTap tap);
  }

  /// Runs a job for each sequence.
  ///
  /// @param moments what the job sees is added to, in the order of the sequences
  private void forEachSequence(SequenceJob job, LinearMoments moments) throws IOException {
    int[] starts = streams.corpus().starts();
    workers.ordered(
        starts.length,
        index -> {
          int count = streams.corpus().sequences().get(index).length();
          LinearMoments seen = moments.empty();
          try (TorchScope scope = Torch.scope()) {
            job.run(scope, starts[index], count, seen);
          }
          streams.rest(starts[index], count);
          return seen;
        },
        (index, seen) -> moments.add(seen));
  }
}
