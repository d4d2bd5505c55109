package io.moepress.calibrate.measure;

import io.moepress.calibrate.forward.MoePass;
import io.moepress.formats.architecture.LinearInput;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.TensorData;
import io.moepress.recipes.linear.HessianSum;
import io.moepress.recipes.linear.LinearAlgebra;
import io.moepress.recipes.plan.CalibratedQuantization;
import io.moepress.recipes.plan.CalibratedQuantization.Codes;
import io.moepress.recipes.plan.CalibratedQuantization.Weights;
import io.moepress.recipes.plan.LayerCodes.Raised;
import io.moepress.recipes.plan.QuantizeWeights.Part;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/// Finds the codes of one routed expert, from sums over what its linear maps read.
///
/// @param model whose weights
/// @param method finds codes
/// @param part which maps, and what their codes are
record ExpertCodes(MoeModel model, CalibratedQuantization method, Part part) {

  /// What was found.
  ///
  /// @param words of the matrix of each role
  /// @param tokens how many chose the expert
  /// @param raised where the damping had to be raised
  /// @param loss of all matrices together
  record Found(Map<TensorRole, int[]> words, long tokens, List<Raised> raised, double loss) {}

  /// Finds them.
  Found find(MoePass pass, int expert) throws IOException {
    Map<LinearInput, HessianSum> sums = sums(pass, expert);
    long tokens = sums.values().iterator().next().tokens();
    boolean isStarved = tokens < method.hessians().minTokens();
    Map<TensorRole, int[]> words = new EnumMap<>(TensorRole.class);
    List<Raised> raised = new ArrayList<>();
    double loss = 0;
    for (Map.Entry<LinearInput, HessianSum> entry : sums.entrySet()) {
      List<TensorRole> roles =
          part.linears().stream()
              .filter(role -> LinearInput.of(role).orElseThrow() == entry.getKey())
              .toList();
      double[] hessian = entry.getValue().hessian();
      List<Codes> codes =
          method.encode(
              weights(roles, pass.layer(), expert),
              isStarved ? new double[hessian.length] : hessian);
      for (int i = 0; i < roles.size(); i++) {
        words.put(roles.get(i), codes.get(i).matrix().words());
        loss += codes.get(i).loss();
      }
      if (codes.getFirst().retries() > 0) {
        raised.add(new Raised(expert, entry.getKey(), codes.getFirst().damping()));
      }
    }
    return new Found(words, tokens, raised, loss);
  }

  private Map<LinearInput, HessianSum> sums(MoePass pass, int expert) throws IOException {
    Map<LinearInput, HessianSum> sums = new EnumMap<>(LinearInput.class);
    for (TensorRole role : part.linears()) {
      int columns = columns(new TensorId(role, pass.layer(), expert));
      sums.computeIfAbsent(
          LinearInput.of(role).orElseThrow(),
          input -> new HessianSum(columns, LinearAlgebra.best()));
    }
    pass.activations()
        .of(
            expert,
            (inputs, intermediates, gates) -> {
              double[] weights = powers(gates);
              sums.forEach((input, sum) ->
                  sum.add(input == LinearInput.EXPERT ? inputs : intermediates, weights));
            });
    return sums;
  }

  private double[] powers(float[] gates) {
    double[] powers = new double[gates.length];
    for (int i = 0; i < gates.length; i++) {
      powers[i] = method.hessians().gatePower() == 0 ? 1 : gates[i];
    }
    return powers;
  }

  private int columns(TensorId id) {
    return Math.toIntExact(model.info(id).shape().dimension(1));
  }

  private List<Weights> weights(List<TensorRole> roles, int layer, int expert) throws IOException {
    List<Weights> weights = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      for (TensorRole role : roles) {
        TensorId id = new TensorId(role, layer, expert);
        TensorData data = model.read(id, arena);
        int rows = Math.toIntExact(model.info(id).shape().dimension(0));
        weights.add(
            new Weights(Numbers.floats(data), rows, part.scheme(expert), model.info(id).dtype()));
      }
    }
    return weights;
  }
}
