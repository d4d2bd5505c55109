package io.moepress.recipes.recipe;

import io.moepress.formats.Words;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.recipes.plan.QuantizeMethod;
import io.moepress.recipes.plan.QuantizeOptions;
import io.moepress.recipes.plan.QuantizedStorage;
import java.util.Optional;

/// Reads steps that quantise weights.
///
/// @param seed of the recipe
record QuantizeReader(MethodCatalog catalog, long seed) {
  private static final int DEFAULT_GROUP_SIZE = 128;
  private static final String BY_ROW = "channel";

  QuantizeStep quantize(YamlNode step) {
    YamlNode name = step.required("method", "the name of a method");
    IntegerScheme experts = scheme(step, true);
    Optional<IntegerScheme> others =
        step.optional("others").map(node -> scheme(node, experts.isSymmetric()));
    Optional<QuantizedStorage> storage =
        step.optional("storage")
            .map(node -> node.choice(QuantizedStorage.labels(), QuantizedStorage::named));
    QuantizeOptions options = step.checked(() -> new QuantizeOptions(experts, others, storage));
    MethodBinder<QuantizeMethod> binder = name.choice(catalog.quantizeNames(), catalog::quantize);
    QuantizeMethod method = step.checked(() -> binder.bind(step, seed));
    step.finish();
    return step.checked(() -> new QuantizeStep(method, options));
  }

  private static IntegerScheme scheme(YamlNode node, boolean symmetricByDefault) {
    int bits =
        node.required("scheme", "such as W4A16").parsed("such as W4A16", QuantizeReader::bits);
    int size =
        node.optional("group-size")
            .map(group -> group.parsed("a number from 1 on, or channel", QuantizeReader::size))
            .orElse(DEFAULT_GROUP_SIZE);
    boolean symmetric = node.optional("symmetric").map(YamlNode::flag).orElse(symmetricByDefault);
    return node.checked(() -> new IntegerScheme(bits, symmetric, size));
  }

  private static int bits(String text) {
    return IntegerScheme.bits(text)
        .orElseThrow(() ->
            new IllegalArgumentException(
                Words.quoted(text)
                    + " (expected W1A16 to W8A16: integer weights of 1 to 8 bits, activations of 16)"));
  }

  private static int size(String text) {
    if (text.equals(BY_ROW)) {
      return IntegerScheme.CHANNEL;
    }
    if (!text.matches("[1-9][0-9]{0,8}")) {
      throw new IllegalArgumentException(
          Words.quoted(text) + " (expected a number of weights such as 128, or channel)");
    }
    return Integer.parseInt(text);
  }
}
