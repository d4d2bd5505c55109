package io.moepress.recipes.recipe;

import io.moepress.formats.Checks;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/// The texts by which the experts are measured.
///
/// @param data at least one file
/// @param samples how many texts to take of all files together, shared by weight; each file as its
///   source says if empty
/// @param maxTokens where a text is cut, at least 1
/// @param order in which order the texts are taken
/// @param reservoirTokens how many inputs of each layer are kept; 0 for as many as the methods need
public record CalibrationSpec(
    List<DataSource> data, OptionalInt samples, int maxTokens, Order order, int reservoirTokens) {

  /// The order of texts.
  public enum Order {
    /// As the files are listed and written.
    FILE,
    /// Shuffled with the seed of the recipe.
    SHUFFLED;

    /// The name in recipes.
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }

    /// The order with this [#label()].
    public static Optional<Order> named(String label) {
      return Arrays.stream(values()).filter(order -> order.label().equals(label)).findFirst();
    }

    /// All labels, the default first.
    public static List<String> labels() {
      return Arrays.stream(values()).map(Order::label).toList();
    }
  }

  public CalibrationSpec {
    data = List.copyOf(data);
    Checks.require(!data.isEmpty(), "data: no file (expected at least one)");
    Checks.require(maxTokens > 0, "max-tokens: %d (expected at least 1)", maxTokens);
    Checks.require(
        reservoirTokens >= 0, "reservoir-tokens: %d (expected at least 0)", reservoirTokens);
    samples.ifPresent(
        count -> Checks.require(count > 0, "samples: %d (expected at least 1)", count));
    for (DataSource source : data) {
      requireOneCount(samples.isPresent(), source);
    }
    if (samples.isPresent()) {
      shares(data, samples.getAsInt());
    }
  }

  /// Takes each file as its source says, and keeps no more inputs than the methods need.
  public CalibrationSpec(List<DataSource> data, int maxTokens, Order order) {
    this(data, OptionalInt.empty(), maxTokens, order, 0);
  }

  private static void requireOneCount(boolean shared, DataSource source) {
    Checks.require(
        !shared || source.samples().isEmpty(),
        "data: %s: samples beside the samples of all data (expected a weight)",
        source.file());
    Checks.require(
        shared || source.weight().isEmpty(),
        "data: %s: a weight, but no samples of all data to share. Say samples beside data",
        source.file());
  }

  /// How many texts to take of each source, in the order of [#data()]; empty where all are to be
  /// taken.
  public List<OptionalInt> counts() {
    return samples.isPresent()
        ? shares(data, samples.getAsInt()).stream().map(OptionalInt::of).toList()
        : data.stream().map(DataSource::samples).toList();
  }

  /// Shares `total` in proportion to the weights. What rounding down leaves goes to the largest
  /// remainders, of equal ones to the first.
  private static List<Integer> shares(List<DataSource> data, int total) {
    double[] exact = data.stream().mapToDouble(source -> source.weight().orElse(1)).toArray();
    double sum = Arrays.stream(exact).sum();
    int[] shares = new int[exact.length];
    for (int i = 0; i < exact.length; i++) {
      exact[i] = total * (exact[i] / sum);
      shares[i] = (int) Math.floor(exact[i]);
    }
    int left = total - Arrays.stream(shares).sum();
    IntStream.range(0, exact.length)
        .boxed()
        .sorted(Comparator.comparingDouble((Integer i) -> shares[i] - exact[i]))
        .limit(left)
        .forEach(i -> shares[i]++);
    for (int i = 0; i < shares.length; i++) {
      Checks.require(
          shares[i] > 0,
          "data: %s: its weight is worth none of %d samples (expected at least one)",
          data.get(i).file(),
          total);
    }
    return Arrays.stream(shares).boxed().toList();
  }
}
