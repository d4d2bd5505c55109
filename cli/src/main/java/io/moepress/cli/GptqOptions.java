package io.moepress.cli;

import io.moepress.quantize.Extremes;
import io.moepress.quantize.Gptq;
import io.moepress.quantize.Gptq.Order;
import io.moepress.quantize.GptqQuantization;
import io.moepress.quantize.ScaleChoice;
import io.moepress.quantize.ScaleSearch;
import io.moepress.recipes.plan.HessianOptions;
import io.moepress.recipes.plan.StarvedCodes;
import io.moepress.recipes.recipe.YamlNode;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// Reads the options of GPTQ from a step of a recipe.
final class GptqOptions {
  private static final String EXTREMES = "extremes";
  private static final String SEARCH = "search";

  private GptqOptions() {}

  static GptqQuantization bind(YamlNode step) {
    Gptq standard = Gptq.DEFAULT;
    double damping = step.optional("damping").map(YamlNode::decimal).orElse(standard.damping());
    int retries = step.optional("retries").map(node -> node.atLeast(0)).orElse(standard.retries());
    List<String> orders = Arrays.stream(Order.values()).map(GptqOptions::label).toList();
    Order order =
        step.optional("order")
            .map(node -> node.choice(orders, GptqOptions::order))
            .orElse(standard.order());
    ScaleChoice scales =
        step.optional("scales")
            .map(node -> node.choice(List.of(EXTREMES, SEARCH), GptqOptions::scales))
            .orElse(standard.scales());
    return new GptqQuantization(
        new Gptq(damping, retries, order, standard.groupScales(), standard.blockSize(), scales),
        hessians(step));
  }

  private static HessianOptions hessians(YamlNode step) {
    HessianOptions standard = HessianOptions.DEFAULT;
    boolean sequential =
        step.optional("sequential").map(YamlNode::flag).orElse(standard.sequential());
    int minTokens =
        step.optional("min-tokens").map(node -> node.atLeast(1)).orElse(standard.minTokens());
    StarvedCodes starved =
        step.optional("starved")
            .map(node -> node.choice(StarvedCodes.labels(), StarvedCodes::named))
            .orElse(standard.starved());
    Optional<YamlNode> power = step.optional("gate-power");
    int gatePower = power.map(node -> node.atLeast(0)).orElse(standard.gatePower());
    return power
        .orElse(step)
        .checked(() -> new HessianOptions(sequential, gatePower, minTokens, starved));
  }

  private static String label(Order order) {
    return order.name().toLowerCase(Locale.ROOT);
  }

  private static Optional<Order> order(String label) {
    return Arrays.stream(Order.values()).filter(order -> label(order).equals(label)).findFirst();
  }

  private static Optional<ScaleChoice> scales(String label) {
    return switch (label) {
      case EXTREMES -> Optional.of(new Extremes());
      case SEARCH -> Optional.of(ScaleSearch.DEFAULT);
      default -> Optional.empty();
    };
  }
}
