package io.moepress.calibrate.forward;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.formats.architecture.MoeModel;
import java.io.IOException;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;

/// Keeps the residual stream in front of every layer from one on, while a forward pass goes by, so
/// that each layer can be calculated once more on the way back.
final class Boundaries implements Continuity, AutoCloseable {
  private final MoeModel model;
  private final Corpus texts;
  private final PassResources resources;
  private final int first;
  private final SortedMap<Integer, HiddenStates> states = new TreeMap<>();

  /// Keeps boundaries.
  ///
  /// @param first the first layer whose boundary is kept
  Boundaries(MoeModel model, Corpus texts, PassResources resources, int first) {
    this.model = model;
    this.texts = texts;
    this.resources = resources;
    this.first = first;
  }

  @Override
  public int restore(HiddenStates hidden) throws IOException {
    if (first == 0) {
      HiddenStates embedded = resources.states(hidden.tokens(), hidden.width());
      states.put(0, embedded);
      Embedding.lookUp(model, texts, embedded);
    }
    return 0;
  }

  @Override
  public void finished(int layers, HiddenStates hidden) throws IOException {
    if (layers >= first && layers < model.layout().layers()) {
      HiddenStates copy = resources.states(hidden.tokens(), hidden.width());
      states.put(layers, copy);
      copy.rows(0, copy.tokens()).copyFrom(hidden.rows(0, hidden.tokens()));
      copy.rest();
      hidden.rest();
    }
  }

  /// The residual stream in front of a layer.
  HiddenStates before(int layer) {
    return Objects.requireNonNull(states.get(layer), "a boundary that was kept");
  }

  /// Lets a boundary go that is not needed any more.
  void release(int layer) {
    HiddenStates released = states.remove(layer);
    if (released != null) {
      released.close();
    }
  }

  @Override
  public void close() {
    states.values().forEach(HiddenStates::close);
    states.clear();
  }
}
