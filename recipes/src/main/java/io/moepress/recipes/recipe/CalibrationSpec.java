package io.moepress.recipes.recipe;

import io.moepress.formats.Checks;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// The texts by which the experts are measured.
///
/// @param data at least one file
/// @param maxTokens where a text is cut, at least 1
/// @param order in which order the texts are taken
/// @param reservoirTokens how many inputs of each layer are kept; 0 for as many as the methods need
public record CalibrationSpec(
    List<DataSource> data, int maxTokens, Order order, int reservoirTokens) {

  /// No more inputs are kept than the methods need.
  public CalibrationSpec(List<DataSource> data, int maxTokens, Order order) {
    this(data, maxTokens, order, 0);
  }

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
  }
}
