package io.moepress.calibrate.forward;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.forward.LayerRunner.Streams;
import io.moepress.formats.Checks;
import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.recipes.work.Progress;
import java.io.IOException;
import java.util.Optional;

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
    this.rerouting = rerouting;
  }

  /// Runs all layers.
  ///
  /// @param title what the progress line calls this pass
  /// @param observer sees every MoE layer
  /// @return the residual stream behind the last layer, before the final norm; the caller closes it
  public HiddenStates run(String title, Corpus corpus, MoePass.Observer observer)
      throws IOException {
    return run(title, corpus, PassHooks.of(observer));
  }

  /// Runs the layers that an earlier pass has not finished.
  ///
  /// @param title what the progress line calls this pass
  /// @param hooks who takes part in it
  /// @return as above
  public HiddenStates run(String title, Corpus corpus, PassHooks hooks) throws IOException {
    int tokens = corpus.tokens();
    int width = layout.dimension(Dimension.HIDDEN);
    HiddenStates hidden = resources.states(tokens, width);
    boolean finished = false;
    try (HiddenStates inputs = resources.states(tokens, width);
        HiddenStates outputs = resources.states(tokens, width)) {
      run(title, new Streams(corpus, hidden, inputs, outputs), hooks);
      finished = true;
      return hidden;
    } finally {
      if (!finished) {
        hidden.close();
      }
    }
  }

  private void run(String title, Streams streams, PassHooks hooks) throws IOException {
    long tokens = streams.corpus().tokens();
    int done = hooks.continuity().restore(streams.hidden());
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
        runLayer(layer, streams, hooks);
        hooks.continuity().finished(layer + 1, streams.hidden());
        task.advance(share(tokens, layer + 1) - share(tokens, layer));
      }
    }
  }

  /// A layer that is revised runs twice on the same residual stream: as it is, for the observer,
  /// and as it will be, for the layers behind it.
  private void runLayer(int layer, Streams streams, PassHooks hooks) throws IOException {
    LayerRunner asItIs = new LayerRunner(model, resources.workers(), streams, rerouting);
    LayerRevision revision = hooks.revision();
    if (revision == null) {
      asItIs.run(layer, hooks.observer());
      return;
    }
    HiddenStates hidden = streams.hidden();
    try (HiddenStates before = resources.states(hidden.tokens(), hidden.width())) {
      before.copyFrom(hidden);
      asItIs.run(layer, hooks.observer());
      Optional<MoeModel> revised = revision.revise(layer);
      if (revised.isPresent()) {
        hidden.copyFrom(before);
        new LayerRunner(revised.get(), resources.workers(), streams, rerouting)
            .run(layer, MoePass.Observer.NONE);
      }
    }
  }

  /// A token counts as done by the share of layers it went through.
  private long share(long tokens, int layersDone) {
    return tokens * layersDone / layout.layers();
  }
}
