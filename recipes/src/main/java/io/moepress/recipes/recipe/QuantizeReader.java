package io.moepress.recipes.recipe;

import io.moepress.formats.Words;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.recipes.plan.BitChoice;
import io.moepress.recipes.plan.BitGranularity;
import io.moepress.recipes.plan.BitMethod;
import io.moepress.recipes.plan.QuantizeMethod;
import io.moepress.recipes.plan.QuantizeOptions;
import io.moepress.recipes.plan.QuantizedStorage;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/// Reads steps that quantise weights.
///
/// @param seed of the recipe
record QuantizeReader(MethodCatalog catalog, long seed) {
  private static final int DEFAULT_GROUP_SIZE = 128;
  private static final String BY_ROW = "channel";

  QuantizeStep quantize(YamlNode step) {
    YamlNode name = step.required("method", "the name of a method");
    Optional<BitChoice> bits = step.optional("allocate").map(method -> choice(method, step));
    IntegerScheme experts =
        bits.isPresent() ? grid(step, bits.get().widths().getLast(), true) : scheme(step, true);
    Optional<IntegerScheme> others =
        step.optional("others").map(node -> scheme(node, experts.isSymmetric()));
    Optional<QuantizedStorage> storage =
        step.optional("storage")
            .map(node -> node.choice(QuantizedStorage.labels(), QuantizedStorage::named));
    QuantizeOptions options =
        step.checked(() -> new QuantizeOptions(experts, bits, others, storage));
    MethodBinder<QuantizeMethod> binder = name.choice(catalog.quantizeNames(), catalog::quantize);
    QuantizeMethod method = step.checked(() -> binder.bind(step, seed));
    step.finish();
    return step.checked(() -> new QuantizeStep(method, options));
  }

  private static IntegerScheme scheme(YamlNode node, boolean symmetricByDefault) {
    int bits =
        node.required("scheme", "such as W4A16").parsed("such as W4A16", QuantizeReader::bits);
    return grid(node, bits, symmetricByDefault);
  }

  private static IntegerScheme grid(YamlNode node, int bits, boolean symmetricByDefault) {
    int size =
        node.optional("group-size")
            .map(group -> group.parsed("a number from 1 on, or channel", QuantizeReader::size))
            .orElse(DEFAULT_GROUP_SIZE);
    boolean symmetric = node.optional("symmetric").map(YamlNode::flag).orElse(symmetricByDefault);
    return node.checked(() -> new IntegerScheme(bits, symmetric, size));
  }

  /// Who chooses the bits of experts.
  private BitChoice choice(YamlNode name, YamlNode step) {
    MethodBinder<BitMethod> binder = name.choice(catalog.bitNames(), catalog::bits);
    BitMethod method = step.checked(() -> binder.bind(step, seed));
    Optional<YamlNode> bits = step.optional("bits");
    Optional<YamlNode> fit = step.optional("fit");
    List<Integer> widths =
        step.optional("widths")
            .map(list -> list.list().stream().map(width -> width.atLeast(1)).toList())
            .orElse(method.defaultWidths());
    Optional<BitGranularity> granularity =
        step.optional("granularity")
            .map(node -> node.choice(BitGranularity.labels(), BitGranularity::named));
    return step.checked(() ->
        new BitChoice(
            method,
            bits.map(node -> OptionalDouble.of(node.decimal())).orElse(OptionalDouble.empty()),
            fit.map(node -> OptionalLong.of(RecipeReader.size(node).bytes()))
                .orElse(OptionalLong.empty()),
            widths,
            granularity));
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
