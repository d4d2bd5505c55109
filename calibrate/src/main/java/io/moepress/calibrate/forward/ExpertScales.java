package io.moepress.calibrate.forward;

import io.moepress.recipes.evidence.Relaxation;
import java.util.Arrays;
import java.util.Objects;
import java.util.SortedMap;

/// A factor on the output of every expert of every layer: what a search may turn.
///
/// With [Relaxation#ROUTER] it multiplies the router's weights, so that factors of 1 leave every
/// bit as it is. With [Relaxation#DENSE] it replaces them, and every token uses all experts.
///
/// @param relaxation what the factors apply to
/// @param factors by decoder layer index, `[E]`; not copied
public record ExpertScales(Relaxation relaxation, SortedMap<Integer, double[]> factors)
    implements ForwardPass.Rerouting {

  /// The factors of a layer, `[E]`; not copied.
  double[] of(int layer) {
    return Objects.requireNonNull(factors.get(layer), "factors of the layer");
  }

  @Override
  public Routing of(int layer, Routing chosen) {
    Routing unscaled = unscaled(layer, chosen);
    double[] scales = of(layer);
    float[] weights = unscaled.weights().clone();
    for (int slot = 0; slot < weights.length; slot++) {
      weights[slot] *= (float) scales[unscaled.experts()[slot]];
    }
    return new Routing(unscaled.topK(), unscaled.experts(), weights);
  }

  /// The experts that a layer's tokens use, with weights before the factors.
  Routing unscaled(int layer, Routing chosen) {
    return switch (relaxation) {
      case ROUTER -> chosen;
      case DENSE -> all(of(layer).length, chosen.experts().length / chosen.topK());
    };
  }

  private static Routing all(int experts, int tokens) {
    int[] everyone = new int[Math.multiplyExact(tokens, experts)];
    Arrays.setAll(everyone, slot -> slot % experts);
    float[] ones = new float[everyone.length];
    Arrays.fill(ones, 1);
    return new Routing(experts, everyone, ones);
  }
}
