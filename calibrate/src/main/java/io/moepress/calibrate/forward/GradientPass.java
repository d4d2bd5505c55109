package io.moepress.calibrate.forward;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.forward.Goal.Loss;
import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.util.SortedMap;
import java.util.TreeMap;

/// A loss of a model whose experts have factors, and its gradient with respect to the factors.
///
/// The way forth keeps the residual stream in front of every layer and nothing else; on the way
/// back each layer is calculated once more, its experts one by one. So memory is that of a forward
/// pass, and as many matrices of hidden states as there are layers, which may stand in a file. The
/// way ends at the first layer with experts. The result does not depend on the number of workers.
public final class GradientPass {
  private final MoeModel model;
  private final ModelLayout layout;
  private final PassResources resources;
  private final Workers workers;
  private final BlockLoader blocks;

  /// Prepares passes.
  public GradientPass(MoeModel model, PassResources resources) {
    this.model = model;
    this.layout = model.layout();
    // One line of progress for each pass of a search would be too many.
    this.resources = new PassResources(resources.workers(), Progress.SILENT, resources.spill());
    this.workers = resources.workers();
    this.blocks = new BlockLoader(model);
  }

  /// Some texts, and what the original model makes of them.
  ///
  /// @param texts the texts
  /// @param original last hidden states of the original model, of these and perhaps more texts
  /// @param originalRows the first row of each text in them; not copied
  public record Batch(Corpus texts, HiddenStates original, int[] originalRows) {}

  /// The result of a pass.
  ///
  /// @param loss at these factors
  /// @param factors `∂total/∂factor` by decoder layer index, `[E]`
  public record Gradient(Loss loss, SortedMap<Integer, double[]> factors) {}

  /// The residual stream behind the last layer, of a model whose experts have factors; the caller
  /// closes it.
  public HiddenStates forward(Corpus texts, ExpertScales scales) throws IOException {
    return new ForwardPass(model, resources, scales).run("", texts, MoePass.Observer.NONE);
  }

  /// Goes forth and back once.
  public Gradient run(Batch batch, ExpertScales scales, Goal goal) throws IOException {
    Corpus texts = batch.texts();
    int width = layout.dimension(Dimension.HIDDEN);
    int first = layout.moeLayers().getFirst();
    try (Boundaries boundaries = new Boundaries(model, texts, resources, first);
        HiddenStates gradient = resources.states(texts.tokens(), width)) {
      Loss loss = forth(batch, scales, goal, boundaries, gradient);
      try (HiddenStates inputs = resources.states(texts.tokens(), width);
          HiddenStates inputGradient = resources.states(texts.tokens(), width)) {
        LayerBackward backward =
            new LayerBackward(blocks, workers, texts, scales, inputs, inputGradient);
        return new Gradient(loss, back(backward, boundaries, gradient, first));
      }
    }
  }

  private Loss forth(
      Batch batch, ExpertScales scales, Goal goal, Boundaries boundaries, HiddenStates gradient)
      throws IOException {
    ForwardPass pass = new ForwardPass(model, resources, scales);
    PassHooks hooks = new PassHooks(MoePass.Observer.NONE, boundaries, null);
    try (HiddenStates last = pass.run("", batch.texts(), hooks);
        OutputHead head = new OutputHead(model)) {
      return new HeadGradient(head, batch.texts(), goal, batch.original(), batch.originalRows())
          .run(last, gradient, workers);
    }
  }

  private SortedMap<Integer, double[]> back(
      LayerBackward backward, Boundaries boundaries, HiddenStates gradient, int first)
      throws IOException {
    SortedMap<Integer, double[]> factors = new TreeMap<>();
    for (int layer = layout.layers() - 1; layer >= first; layer--) {
      LayerBackward.Ends ends = new LayerBackward.Ends(boundaries.before(layer), gradient);
      if (layout.isMoe(layer)) {
        factors.put(layer, backward.moe(layer, ends, layer > first));
      } else {
        backward.dense(layer, ends);
      }
      boundaries.release(layer);
    }
    return factors;
  }
}
