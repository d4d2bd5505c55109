package io.moepress.recipes.target;

import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.integer.BitPacking;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.formats.lowprecision.CompressedTensors;
import io.moepress.formats.lowprecision.CompressedTensors.Group;
import io.moepress.formats.lowprecision.GptqTensors;
import io.moepress.recipes.target.QuantizedTensors.Linear;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import tools.jackson.databind.JsonNode;

/// Rules about weights that are integers: whether their tensors and what `config.json` says of them
/// fit each other. They are asked of what a plan would write, too.
final class QuantizationRules {
  private static final String MIXED = "mixed-precision";
  private static final String FORMAT = "format";

  static final Rule QUANTIZED_PARTS =
      TensorRules.ofTensors(
          "quantized-parts",
          "a weight in low precision has all the tensors that its scheme asks for, and they fit each"
              + " other",
          "cannot tell what the weights are",
          QuantizationRules::parts);

  static final Rule QUANTIZED_LISTED =
      ofQuantized(
          "quantized-listed",
          "no layer in `ignore` is quantised",
          "looks for a plain weight, which is not there",
          quantized ->
              named(
                  linears(quantized, linear -> linear.isPacked() && linear.isExcepted()),
                  "quantised, and in the list of those that are not",
                  "layers in one of the two",
                  "Take them out of \"ignore\"."));

  static final Rule UNQUANTIZED_LISTED =
      ofQuantized(
          "unquantized-listed",
          "every linear layer that is not quantised, but for routers, is in `ignore`, also an output"
              + " head that is the embedding",
          "looks for codes, which are not there",
          quantized -> unlisted(quantized, role -> role != TensorRole.ROUTER));

  /// Experts have rules of their own, and the router is no linear layer there.
  static final Rule UNQUANTIZED_LISTED_BUT_EXPERTS =
      ofQuantized(
          UNQUANTIZED_LISTED.id(),
          "every linear layer that is not quantised, but for routers and experts, is in `ignore`, also"
              + " an output head that is the embedding",
          UNQUANTIZED_LISTED.otherwise(),
          quantized -> unlisted(quantized, role -> role != TensorRole.ROUTER && !role.isExpert()));

  static final Rule ROUTER_LISTED =
      ofQuantized(
          "router-listed",
          "routers are in `ignore`",
          "takes the router for a quantised layer: sizes do not match",
          quantized -> unlisted(quantized, role -> role == TensorRole.ROUTER));

  static final Rule ROUTER_PLAIN =
      ofQuantized(
          "router-plain",
          "no router is quantised",
          "has no router that could be, and looks for a plain weight",
          quantized ->
              named(
                  ofRole(quantized, TensorRole.ROUTER::equals, Linear::isPacked),
                  "routers, and quantised",
                  "plain weights",
                  "Quantise the original again, and leave routers out."));

  static final Rule LAYERS_LISTED =
      ofQuantized(
              "layers-listed",
              "every linear layer is in a group or in `ignore`",
              "refuses such a layer, in older versions",
              quantized ->
                  named(
                      linears(
                          quantized,
                          linear ->
                              !linear.isPacked()
                                  && !linear.isExcepted()
                                  && linear.declared().isEmpty()),
                      "in no group and not in \"ignore\"",
                      "every linear layer in one of them",
                      "Add them to \"ignore\"."))
          .as(Severity.WARNING);

  static final Rule PREDICTION_LISTED =
      ofQuantized(
          "prediction-listed",
          "linear layers for multi-token prediction are in `ignore` if they are not quantised, and only"
              + " then",
          "looks for codes where there are plain weights, or the other way round",
          quantized ->
              named(
                  names(
                      quantized.prediction(),
                      linear ->
                          linear.isTakenForPacked() || (linear.isPacked() && linear.isExcepted())),
                  "stored otherwise than the configuration says",
                  "plain weights in \"ignore\", and no others",
                  "Correct \"ignore\"."));

  static final Rule GROUP_FORMATS =
      ofQuantized(
          "group-formats",
          "every group has the format of the whole, or the whole is `mixed-precision` and every group"
              + " names its own",
          "takes the weights for something else",
          QuantizationRules::formats);

  static final Rule ONE_GROUP =
      ofQuantized(
              "one-group",
              "no linear layer is named by two groups with different schemes",
              "may take the other one: some prefer full names, some the first",
              QuantizationRules::oneGroup)
          .as(Severity.WARNING);

  static final Rule FUSED_LINEARS =
      ofQuantized(
          "fused-linears",
          "layers that runtimes make one have one scheme: query, key and value; compressed query and"
              + " key; gate and up",
          "refuses them, or takes the scheme of one for all",
          QuantizationRules::fused);

  static final Rule IGNORED_PARENTS =
      ofQuantized(
          "ignored-parents",
          "`ignore` names linear layers, not what contains them",
          "loads all they contain as if it were not quantised, and says nothing",
          QuantizationRules::parents);

  static final Rule CODE_PACKING =
      ofQuantized(
              "code-packing",
              "codes have 1, 2, 4 or 8 bits, which are packed alike in all versions",
              "reads other numbers",
              QuantizationRules::packing)
          .as(Severity.WARNING);

  /// Layers that runtimes make one.
  private static final List<List<TensorRole>> FUSED =
      List.of(
          List.of(TensorRole.QUERY, TensorRole.KEY, TensorRole.VALUE),
          List.of(TensorRole.QUERY_COMPRESS, TensorRole.KEY_VALUE_COMPRESS),
          List.of(TensorRole.SHARED_GATE, TensorRole.SHARED_UP),
          List.of(TensorRole.DENSE_GATE, TensorRole.DENSE_UP));

  private QuantizationRules() {}

  static Rule ofQuantized(
      String id,
      String holds,
      String otherwise,
      Function<QuantizedTensors, List<Violation>> check) {
    return new Rule(
        id,
        holds,
        Severity.REFUSAL,
        otherwise,
        "",
        candidate -> candidate.quantized().map(check).orElse(List.of()));
  }

  /// One violation for some layers; none where there are none.
  static List<Violation> named(
      Collection<String> modules, String are, String expected, String wayOut) {
    return modules.isEmpty()
        ? List.of()
        : List.of(Violation.of(TensorRules.some(modules) + ": " + are, expected, wayOut));
  }

  private static List<String> names(Collection<Linear> linears, Predicate<Linear> chosen) {
    return linears.stream().filter(chosen).map(Linear::module).toList();
  }

  static List<String> linears(QuantizedTensors quantized, Predicate<Linear> chosen) {
    return names(quantized.linears().values(), chosen);
  }

  static List<String> ofRole(
      QuantizedTensors quantized, Predicate<TensorRole> role, Predicate<Linear> chosen) {
    return quantized.linears().entrySet().stream()
        .filter(entry -> role.test(entry.getKey().role()) && chosen.test(entry.getValue()))
        .map(entry -> entry.getValue().module())
        .toList();
  }

  private static List<Violation> parts(TensorCensus census) {
    List<String> problems = List.copyOf(census.stored().broken().values());
    return problems.isEmpty()
        ? List.of()
        : List.of(
            Violation.of(
                problems.getFirst()
                    + (problems.size() > 1 ? ", and " + (problems.size() - 1) + " more" : ""),
                "codes, scales and whatever else the scheme has, of fitting shapes",
                "Copy or download the checkpoint again, or quantise the original again."));
  }

  /// Runtimes know of checkpoints by GPTQ that their routers are never quantised.
  private static List<Violation> unlisted(QuantizedTensors quantized, Predicate<TensorRole> role) {
    Predicate<TensorRole> asked =
        quantized.codec() instanceof GptqTensors
            ? role.and(each -> each != TensorRole.ROUTER && each != TensorRole.SHARED_ROUTER)
            : role;
    List<String> unlisted = new ArrayList<>(ofRole(quantized, asked, Linear::isTakenForPacked));
    TensorId head = TensorId.ofModel(TensorRole.OUTPUT_HEAD);
    boolean tied =
        role.test(TensorRole.OUTPUT_HEAD)
            && quantized.layout().has(TensorRole.OUTPUT_HEAD)
            && !quantized.linears().containsKey(head);
    if (tied) {
      String module = QuantizedTensors.module(quantized.layout().name(head));
      quantized.codec().declared(module).ifPresent(_ -> unlisted.add(module));
    }
    return named(
        unlisted,
        "not quantised, and in a group by name or class",
        "the layers in \"ignore\"",
        "Add them to \"ignore\", or for GPTQ to \"dynamic\" with \"-:\".");
  }

  private static List<Violation> formats(QuantizedTensors quantized) {
    if (!(quantized.codec() instanceof CompressedTensors)) {
      return List.of();
    }
    String whole = quantized.config().path(FORMAT).asString("");
    List<String> wrong = new ArrayList<>();
    for (Map.Entry<String, JsonNode> group :
        quantized.config().path("config_groups").properties()) {
      String own = group.getValue().path(FORMAT).asString("");
      boolean fits =
          whole.equals(MIXED)
              ? !own.isEmpty() && !own.equals(MIXED)
              : own.isEmpty() || own.equals(whole);
      if (!fits) {
        wrong.add(group.getKey() + " has " + (own.isEmpty() ? "no format" : own));
      }
    }
    return named(
        wrong,
        "and the whole has " + whole,
        "one format, or mixed-precision and a format in every group",
        "Write the format of the weights into every group.");
  }

  private static List<Violation> oneGroup(QuantizedTensors quantized) {
    if (!(quantized.codec() instanceof CompressedTensors compressed)) {
      return List.of();
    }
    return named(
        linears(
            quantized,
            linear ->
                linear.isPacked()
                    && compressed.groups().stream()
                            .filter(group -> group.targets().names(linear.module()))
                            .map(Group::scheme)
                            .distinct()
                            .count()
                        > 1),
        "named by several groups",
        "one scheme for each layer",
        "Take them out of all groups but their own.");
  }

  private static List<Violation> fused(QuantizedTensors quantized) {
    List<String> differing = new ArrayList<>();
    for (int layer = 0; layer < quantized.layout().layers(); layer++) {
      for (List<TensorRole> roles : FUSED) {
        Set<Optional<IntegerScheme>> schemes = new LinkedHashSet<>();
        List<String> modules = new ArrayList<>();
        for (TensorRole role : roles) {
          Linear linear = quantized.linears().get(TensorId.ofLayer(role, layer));
          if (linear != null) {
            schemes.add(linear.scheme());
            modules.add(linear.module());
          }
        }
        if (schemes.size() > 1) {
          differing.addAll(modules);
        }
      }
    }
    return named(
        differing,
        "made one, and quantised in different ways",
        "one scheme for layers that are made one",
        "Quantise them alike, or none of them.");
  }

  /// Only names are looked at: a pattern for what contains a layer is one for the layer, too.
  private static List<Violation> parents(QuantizedTensors quantized) {
    if (!(quantized.codec() instanceof CompressedTensors compressed)) {
      return List.of();
    }
    return named(
        compressed.ignored().listed().stream()
            .filter(name ->
                quantized.linears().values().stream()
                    .anyMatch(linear -> linear.module().startsWith(name + ".")))
            .toList(),
        "in \"ignore\", and no linear layers",
        "names of linear layers",
        "List the linear layers in them that are not quantised.");
  }

  private static List<Violation> packing(QuantizedTensors quantized) {
    List<Linear> odd =
        quantized.linears().values().stream()
            .filter(linear -> linear.packing().isPresent())
            .toList();
    if (odd.isEmpty()) {
      return List.of();
    }
    Linear first = odd.getFirst();
    boolean stream = first.packing().equals(Optional.of(BitPacking.STREAM));
    return List.of(
        Violation.of(
            TensorRules.some(odd.stream().map(Linear::module).toList())
                + (stream
                    ? ": packed as compressed-tensors does from 0.17.0 on"
                    : ": packed as compressed-tensors did before 0.17.0"),
            "widths that all versions pack alike",
            stream
                ? "Use 0.17.0 or later, or 2, 4 or 8 bits."
                : "Use an earlier version, or quantise the original again."));
  }
}
