package io.moepress.recipes.target;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.RuntimeNames;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.formats.lowprecision.CompressedTensors;
import io.moepress.formats.lowprecision.CompressedTensors.Group;
import io.moepress.formats.lowprecision.GptqTensors;
import io.moepress.formats.lowprecision.LayerNames;
import io.moepress.recipes.target.QuantizedTensors.Linear;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/// Rules about experts whose weights are integers: how far they may differ, and how runtimes find
/// out what they are.
final class QuantizedExpertRules {
  /// Sizes of a node of accelerators.
  private static final List<Integer> NODES = List.of(2, 4, 8);

  static final Rule QUANTIZED_EXPERTS =
      QuantizationRules.ofQuantized(
          "quantized-experts",
          "all experts are quantised, but for layers that store theirs in one tensor",
          "looks for codes of all experts",
          QuantizedExpertRules::plain);

  static final Rule ONE_SCHEME =
      QuantizationRules.ofQuantized(
          "expert-schemes",
          "all experts that are quantised have one scheme",
          "takes one scheme for all",
          quantized -> schemes(quantized, true));

  static final Rule SCHEME_PER_LAYER =
      QuantizationRules.ofQuantized(
          "expert-schemes",
          "experts of a layer have one scheme, or none is quantised",
          "takes the scheme of expert 0 for all of its layer without a word, and refuses projections"
              + " that differ",
          quantized -> schemes(quantized, false));

  static final Rule EXPERT_GROUP =
      QuantizationRules.ofQuantized(
          "expert-group",
          "the group with the scheme of experts is the first with a pattern in which `experts` stands,"
              + " or without such a one the first that lists anything but patterns",
          "takes the scheme of that group for all experts, and calculates with other weights",
          QuantizedExpertRules::firstGroup);

  static final Rule EXPERT_LOOKUP =
      QuantizationRules.ofQuantized(
          "expert-lookup",
          "groups and `ignore` say of `experts.0.gate_proj`, `up_proj` and `down_proj` what they say of"
              + " experts, whatever these are called; for GPTQ `dynamic` says it of `experts`",
          "asks for these names only, and takes another scheme without a word",
          QuantizedExpertRules::lookup);

  static final Rule LINEAR_GROUP =
      QuantizationRules.ofQuantized(
              "linear-group",
              "the group for `Linear` has the scheme of experts",
              "takes that group for experts",
              QuantizedExpertRules::classGroup)
          .as(Severity.WARNING);

  static final Rule SYMMETRIC_EXPERTS =
      QuantizationRules.ofQuantized(
          "symmetric-experts",
          "experts have no zero points",
          "has no kernel for them, and refuses to load",
          QuantizedExpertRules::symmetric);

  static final Rule SHARED_EXPERTS =
      QuantizationRules.ofQuantized(
              "shared-experts",
              "shared experts are quantised as routed ones are",
              "makes them one with the routed ones in some families, and then fails to load",
              QuantizedExpertRules::shared)
          .as(Severity.WARNING);

  static final Rule PARALLEL_GROUPS =
      QuantizationRules.ofQuantized(
              "parallel-groups",
              "groups divide what 2, 4 and 8 accelerators get of the width of experts",
              "refuses tensor parallelism over other numbers",
              QuantizedExpertRules::parallel)
          .as(Severity.NOTE);

  private QuantizedExpertRules() {}

  /// Widths of codes that a runtime has kernels for.
  static Rule widths(List<Integer> known) {
    return QuantizationRules.ofQuantized(
        "integer-widths",
        "integers have " + QuantizedLayers.words(known) + " bits",
        "has no kernel for them",
        quantized ->
            QuantizationRules.named(
                quantized.linears().values().stream()
                    .filter(linear ->
                        linear.scheme().filter(it -> !known.contains(it.bits())).isPresent())
                    .map(linear -> linear.module() + ", " + linear.scheme().orElseThrow())
                    .toList(),
                "no such width",
                "one of " + known + " bits",
                "Quantise the original again, or use another runtime."));
  }

  private static List<Violation> plain(QuantizedTensors quantized) {
    Set<Integer> layers = new TreeSet<>();
    quantized
        .experts()
        .forEach((layer, experts) -> {
          if (experts.values().stream().anyMatch(linear -> !linear.isPacked())) {
            layers.add(layer);
          }
        });
    return layers.isEmpty()
        ? List.of()
        : List.of(
            Violation.of(
                Checks.text("experts of layers %s are not quantised", layers),
                "codes for all experts",
                "Quantise all experts, or none and write a checkpoint without quantization_config."));
  }

  private static List<Violation> schemes(QuantizedTensors quantized, boolean everywhere) {
    Set<Optional<IntegerScheme>> all = new LinkedHashSet<>();
    List<String> differing = new ArrayList<>();
    quantized
        .experts()
        .forEach((layer, experts) -> {
          Set<Optional<IntegerScheme>> own = new LinkedHashSet<>();
          experts.values().stream()
              .map(Linear::scheme)
              .filter(scheme -> scheme.isPresent() || !everywhere)
              .forEach(own::add);
          all.addAll(own);
          if (own.size() > 1) {
            differing.add("layer " + layer + " has " + words(own));
          }
        });
    if (everywhere && differing.isEmpty() && all.size() > 1) {
      differing.add("layers have " + words(all));
    }
    return QuantizationRules.named(
        differing,
        "experts differ",
        everywhere ? "one scheme for all experts" : "one scheme for all experts of a layer",
        "Choose bits with \"granularity: " + (everywhere ? "model" : "layer") + "\".");
  }

  private static String words(Set<Optional<IntegerScheme>> schemes) {
    return String.join(
        " and ",
        schemes.stream()
            .map(scheme -> scheme.map(IntegerScheme::toString).orElse("plain weights"))
            .toList());
  }

  private static List<Violation> firstGroup(QuantizedTensors quantized) {
    Set<IntegerScheme> schemes = expertSchemes(quantized);
    if (!(quantized.codec() instanceof CompressedTensors compressed) || schemes.size() != 1) {
      return List.of();
    }
    List<Group> groups = compressed.groups();
    Group taken =
        groups.stream()
            .filter(group ->
                group.targets().listed().stream()
                    .anyMatch(it -> it.startsWith(LayerNames.REGEX) && it.contains("experts")))
            .findFirst()
            .or(() -> groups.stream().filter(QuantizedExpertRules::hasName).findFirst())
            .orElse(groups.getFirst());
    return otherGroup(schemes.iterator().next(), taken.scheme());
  }

  /// Of classes or layers: the two are not told apart there.
  private static boolean hasName(Group group) {
    return group.targets().listed().stream().anyMatch(it -> !it.startsWith(LayerNames.REGEX));
  }

  private static List<Violation> otherGroup(IntegerScheme experts, IntegerScheme taken) {
    return taken.equals(experts)
        ? List.of()
        : List.of(
            Violation.of(
                Checks.text("experts in %s, and that group has %s", experts, taken),
                "one scheme",
                "Put the group of experts first, with a pattern for them."));
  }

  private static Set<IntegerScheme> expertSchemes(QuantizedTensors quantized) {
    Set<IntegerScheme> schemes = new LinkedHashSet<>();
    quantized.experts().values().stream()
        .flatMap(experts -> experts.values().stream())
        .forEach(linear -> linear.scheme().ifPresent(schemes::add));
    return schemes;
  }

  private static List<Violation> classGroup(QuantizedTensors quantized) {
    if (!(quantized.codec() instanceof CompressedTensors compressed)) {
      return List.of();
    }
    Optional<IntegerScheme> ofClass =
        compressed.groups().stream()
            .filter(group -> group.targets().namesClass())
            .map(Group::scheme)
            .findFirst();
    List<IntegerScheme> others =
        expertSchemes(quantized).stream()
            .filter(scheme -> !ofClass.equals(Optional.of(scheme)))
            .toList();
    return others.isEmpty()
        ? List.of()
        : List.of(
            Violation.of(
                "experts in "
                    + others.getFirst()
                    + ", and the group for Linear "
                    + ofClass.map(scheme -> "has " + scheme).orElse("is not there"),
                "one scheme",
                "Use a version of July 2026 or later, or one scheme for all experts."));
  }

  private static List<Violation> lookup(QuantizedTensors quantized) {
    List<String> wrong = new ArrayList<>();
    quantized
        .linears()
        .forEach((id, linear) -> {
          String asked = asked(quantized, id, linear.module());
          boolean differs = !quantized.codec().declared(asked).equals(linear.scheme());
          if (id.expert() == 0 && differs && !wrong.contains(asked)) {
            wrong.add(asked);
          }
        });
    return QuantizationRules.named(
        wrong,
        "asked for, and not what the expert is",
        "the scheme of the expert",
        "Add the name, or a pattern that matches it, wherever the expert is listed.");
  }

  /// Of a checkpoint by GPTQ vLLM asks for the layer of all experts.
  private static String asked(QuantizedTensors quantized, TensorId id, String module) {
    int expert = module.lastIndexOf("." + id.expert() + ".");
    return quantized.codec() instanceof GptqTensors && expert >= 0
        ? module.substring(0, expert)
        : RuntimeNames.of(id.role(), module);
  }

  private static List<Violation> symmetric(QuantizedTensors quantized) {
    return quantized.codec() instanceof GptqTensors
            || expertSchemes(quantized).stream().allMatch(IntegerScheme::isSymmetric)
        ? List.of()
        : List.of(
            Violation.of(
                "experts with zero points", "symmetric weights", "Quantise symmetrically."));
  }

  private static List<Violation> shared(QuantizedTensors quantized) {
    List<String> differing = new ArrayList<>();
    quantized
        .experts()
        .forEach((layer, experts) -> {
          Optional<IntegerScheme> routed = experts.values().iterator().next().scheme();
          Stream.of(TensorRole.SHARED_GATE, TensorRole.SHARED_UP, TensorRole.SHARED_DOWN)
              .map(role -> quantized.linears().get(TensorId.ofLayer(role, layer)))
              .filter(linear -> linear != null && routed.isPresent())
              .filter(linear -> !linear.scheme().equals(routed))
              .forEach(linear -> differing.add(linear.module()));
        });
    return QuantizationRules.named(
        differing,
        "not quantised as the routed experts are",
        "the scheme of routed experts",
        "Give \"others\" the same scheme.");
  }

  private static List<Violation> parallel(QuantizedTensors quantized) {
    for (Map.Entry<TensorId, Linear> entry : quantized.linears().entrySet()) {
      Optional<IntegerScheme> scheme = entry.getValue().scheme();
      if (entry.getKey().role() == TensorRole.EXPERT_DOWN && scheme.isPresent()) {
        long width = entry.getValue().inputs();
        List<Integer> refused =
            NODES.stream()
                .filter(nodes -> width % nodes != 0 || !scheme.get().divides(width / nodes))
                .toList();
        if (!refused.isEmpty()) {
          return List.of(
              Violation.of(
                  Checks.text(
                      "experts %d wide in %s, over %s accelerators", width, scheme.get(), refused),
                  "whole groups on each",
                  "Use expert parallelism there, or smaller groups."));
        }
      }
    }
    return List.of();
  }
}
