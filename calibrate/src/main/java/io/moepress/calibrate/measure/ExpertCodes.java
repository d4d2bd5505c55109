package io.moepress.calibrate.measure;

import io.moepress.calibrate.forward.MoePass;
import io.moepress.formats.architecture.LinearInput;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.recipes.linear.HessianSum;
import io.moepress.recipes.linear.LinearAlgebra;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/// Finds the codes of one routed expert, from sums over what its linear maps read.
///
/// @param finder finds codes
/// @param roles which maps
record ExpertCodes(CodeFinder finder, List<TensorRole> roles) {

  /// What was found.
  ///
  /// @param found for each vector that is read
  /// @param tokens how many chose the expert
  record Found(List<CodeFinder.Found> found, long tokens) {}

  /// Finds them.
  Found find(MoePass pass, int expert) throws IOException {
    Map<LinearInput, HessianSum> sums = sums(pass, expert);
    long tokens = sums.values().iterator().next().tokens();
    boolean isStarved = tokens < finder.method().hessians().minTokens();
    List<CodeFinder.Found> found = new ArrayList<>();
    for (Map.Entry<LinearInput, HessianSum> entry : sums.entrySet()) {
      List<TensorId> maps =
          roles.stream()
              .filter(role -> LinearInput.of(role).orElseThrow() == entry.getKey())
              .map(role -> new TensorId(role, pass.layer(), expert))
              .toList();
      double[] hessian = entry.getValue().hessian();
      found.add(
          finder.find(maps, entry.getKey(), isStarved ? new double[hessian.length] : hessian));
    }
    return new Found(found, tokens);
  }

  private Map<LinearInput, HessianSum> sums(MoePass pass, int expert) throws IOException {
    Map<LinearInput, HessianSum> sums = new EnumMap<>(LinearInput.class);
    for (TensorRole role : roles) {
      int columns = finder.columns(new TensorId(role, pass.layer(), expert));
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
      powers[i] = finder.method().hessians().gatePower() == 0 ? 1 : gates[i];
    }
    return powers;
  }
}
