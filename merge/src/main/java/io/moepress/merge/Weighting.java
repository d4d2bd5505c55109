package io.moepress.merge;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// How members of a cluster are averaged.
public enum Weighting {
  /// Each by how many tokens chose it; the plain mean where no token chose any.
  FREQUENCY,
  /// All alike.
  MEAN,
  /// All alike, neuron by neuron: each neuron of a member joins the neuron of the dominant member
  /// with which its activations correlate most. Several may join one, and none need.
  FIXED_DOMINANT;

  /// The name in recipes.
  public String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /// The weighting with this [#label()].
  public static Optional<Weighting> named(String label) {
    return Arrays.stream(values()).filter(value -> value.label().equals(label)).findFirst();
  }

  /// All labels, the default first.
  public static List<String> labels() {
    return Arrays.stream(values()).map(Weighting::label).toList();
  }

  /// The shares of experts, whose sum is 1.
  ///
  /// @param members of a cluster
  /// @param counts tokens that chose each expert of the layer
  List<Double> shares(List<Integer> members, double[] counts) {
    double total = members.stream().mapToDouble(member -> counts[member]).sum();
    boolean alike = this != FREQUENCY || total == 0;
    return members.stream()
        .map(member -> alike ? 1.0 / members.size() : counts[member] / total)
        .toList();
  }
}
