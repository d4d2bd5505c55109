package io.moepress.recipes.target;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.gguf.GgufModel;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.TensorInfo;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import tools.jackson.databind.JsonNode;

/// Rules that some runtimes have and others do not, or that matter more to some.
final class RuntimeRules {
  /// Sizes of a node of accelerators.
  private static final List<Integer> NODES = List.of(2, 4, 8);

  /// Most experts of a group that SGLang's fast kernel for grouped routing takes.
  private static final int SGLANG_MAX_GROUP = 32;

  /// What vLLM's router kernel for DeepSeek-V4 takes besides powers of two up to 256.
  private static final Set<Integer> DEEPSEEK_V4_COUNTS = Set.of(192, 320, 384, 448, 512, 576);

  private static final int DEEPSEEK_V4_POWERS = 256;
  private static final String DEEPSEEK_V4 = "deepseek_v4";

  private static final Map<String, DType> DTYPES =
      Map.of(
          "float32", DType.F32,
          "float16", DType.F16,
          "bfloat16", DType.BF16,
          "float64", DType.F64);

  static final Rule TIED_OUTPUT_HEAD =
      TensorRules.ofTensors(
              "tied-output-head",
              "a checkpoint whose embedding serves as output head has no other",
              "takes one of the two",
              RuntimeRules::tiedOutputHead)
          .as(Severity.WARNING);

  static final Rule WEIGHT_TYPES =
      TensorRules.ofTensors(
              "weight-types",
              "matrices have one element type, that of `config.json`",
              "converts what has another type",
              RuntimeRules::weightTypes)
          .as(Severity.WARNING);

  static final Rule PREDICTION_LAYERS =
      TensorRules.ofTensors(
              "prediction-layers",
              "layers for multi-token prediction are there when `config.json` says so",
              "cannot guess tokens ahead",
              RuntimeRules::predictionLayers)
          .as(Severity.WARNING);

  static final Rule PREDICTION_EXPERTS =
      TensorRules.ofTensors(
          "prediction-experts",
          "layers for multi-token prediction have as many experts as the others",
          "has one number for all layers",
          RuntimeRules::predictionExperts);

  static final Rule SPLIT_EXPERTS =
      TensorRules.ofTensors(
          "split-experts",
          "each expert has tensors of its own",
          "looks for one tensor for each expert and projection",
          RuntimeRules::splitExperts);

  static final Rule PARALLEL_EXPERTS =
      NumberRules.ofNumbers(
              "parallel-experts",
              "the number of experts divides by 2, 4 and 8 accelerators, or as many as there are experts",
              "runs without expert parallelism there",
              RuntimeRules::parallelExperts)
          .as(Severity.NOTE);

  static final Rule DEEPSEEK_V4_EXPERTS =
      NumberRules.ofNumbers(
          "deepseek-v4-experts",
          "DeepSeek-V4 has 1, 2, 4, ... 256, 192, 320, 384, 448, 512 or 576 experts",
          "fails in the first forward pass on CUDA: its router kernel takes no other number",
          RuntimeRules::deepseekV4Experts);

  static final Rule POWER_OF_TWO =
      NumberRules.ofNumbers(
              "power-of-two-experts",
              "a router with a selection bias has a power of two of experts",
              "falls back to a slower kernel",
              RuntimeRules::powerOfTwo)
          .as(Severity.WARNING);

  static final Rule GROUP_SIZE =
      NumberRules.ofNumbers(
              "group-size",
              "a router with a selection bias has at most 32 experts in a group",
              "falls back to a slower kernel",
              RuntimeRules::groupSize)
          .as(Severity.WARNING);

  static final Rule EXPERT_LIMIT =
      NumberRules.ofNumbers(
          "expert-limit",
          "a layer has at most 512 experts",
          "stops while it loads",
          RuntimeRules::expertLimit);

  private RuntimeRules() {}

  private static List<Violation> tiedOutputHead(TensorCensus census) {
    boolean both =
        census.known().containsKey(TensorId.ofModel(TensorRole.OUTPUT_HEAD))
            && census.layout().isOptional(TensorRole.OUTPUT_HEAD);
    return both
        ? List.of(
            Violation.of(
                "an output head, and tie_word_embeddings is true",
                "one of the two",
                "Remove the tensor if it equals the embedding, or set the key to false."))
        : List.of();
  }

  /// Vectors are left out, and so are routers, which are often kept in F32, and what is stored in
  /// low precision, which a runtime decodes.
  private static List<Violation> weightTypes(TensorCensus census) {
    Set<DType> types = new TreeSet<>();
    census
        .known()
        .forEach((id, info) -> {
          boolean matrix = info.shape().dimensions().size() > 1;
          if (matrix && id.role() != TensorRole.ROUTER && DTYPES.containsValue(info.dtype())) {
            types.add(info.dtype());
          }
        });
    Optional<String> named =
        census
            .layout()
            .config()
            .value("dtype")
            .or(() -> census.layout().config().value("torch_dtype"))
            .filter(JsonNode::isString)
            .map(JsonNode::asString);
    DType claimed = named.map(DTYPES::get).orElse(null);
    if (types.size() > 1) {
      return List.of(
          Violation.of(
              "matrices in " + types, "one type", "Nothing, if that is meant; or convert them."));
    }
    return claimed == null || types.isEmpty() || types.contains(claimed)
        ? List.of()
        : List.of(
            Violation.of(
                "matrices in " + types + ", and config.json says " + named.orElse(""),
                "the type of the tensors",
                "Set dtype to it, or the runtime converts every tensor when it loads."));
  }

  private static List<Violation> predictionLayers(TensorCensus census) {
    int claimed = census.claimedPredictionLayers();
    return claimed == 0 || !census.prediction().isEmpty()
        ? List.of()
        : List.of(
            Violation.of(
                Checks.text("config.json says %d, and there are no tensors of them", claimed),
                "the tensors, or no such layers",
                "Set num_nextn_predict_layers to 0."));
  }

  private static List<Violation> predictionExperts(TensorCensus census) {
    List<Violation> violations = new ArrayList<>();
    Set<Integer> counts = new TreeSet<>(TensorRules.counts(census).values());
    for (TensorInfo router : census.predictionRouters()) {
      if (counts.size() == 1 && TensorCensus.rows(router) != counts.iterator().next()) {
        violations.add(
            Violation.of(
                Checks.text("%s has the shape %s", router.name(), router.shape()),
                counts.iterator().next() + " rows, as in the other layers",
                "Prune these layers alike, or leave them out and set num_nextn_predict_layers to"
                    + " 0."));
      }
    }
    return violations;
  }

  private static List<Violation> splitExperts(TensorCensus census) {
    return census.fused().isEmpty()
        ? List.of()
        : List.of(
            Violation.of(
                "experts of a layer in one tensor: " + TensorRules.some(census.fused()),
                "tensors of each expert",
                "Save the checkpoint in its original layout."));
  }

  private static List<Violation> parallelExperts(ExpertNumbers numbers) {
    OptionalInt count = numbers.count();
    List<Integer> wanted = NODES.stream().filter(size -> size <= count.orElse(0)).toList();
    if (count.isEmpty() || wanted.stream().allMatch(size -> count.getAsInt() % size == 0)) {
      return List.of();
    }
    List<Integer> divisors =
        IntStream.rangeClosed(1, NODES.getLast())
            .filter(size -> count.getAsInt() % size == 0)
            .boxed()
            .toList();
    return List.of(
        Violation.ofCount(
            Checks.text(
                "%d experts, which expert parallelism spreads over %s accelerators",
                count.getAsInt(), divisors),
            "a number that divides by " + wanted,
            count.getAsInt()));
  }

  private static List<Violation> deepseekV4Experts(ExpertNumbers numbers) {
    OptionalInt count = numbers.count();
    if (count.isEmpty() || !numbers.modelType().equals(DEEPSEEK_V4)) {
      return List.of();
    }
    int experts = count.getAsInt();
    boolean taken =
        (isPowerOfTwo(experts) && experts <= DEEPSEEK_V4_POWERS)
            || DEEPSEEK_V4_COUNTS.contains(experts);
    return taken
        ? List.of()
        : List.of(
            Violation.ofCount(
                experts + " experts",
                "a power of two up to 256, or one of " + new TreeSet<>(DEEPSEEK_V4_COUNTS),
                experts));
  }

  private static boolean isPowerOfTwo(int count) {
    return Integer.bitCount(count) == 1;
  }

  private static List<Violation> powerOfTwo(ExpertNumbers numbers) {
    OptionalInt count = numbers.count();
    return !numbers.biased() || count.isEmpty() || isPowerOfTwo(count.getAsInt())
        ? List.of()
        : List.of(
            Violation.ofCount(count.getAsInt() + " experts", "a power of two", count.getAsInt()));
  }

  private static List<Violation> groupSize(ExpertNumbers numbers) {
    OptionalInt count = numbers.count();
    int groups = numbers.groups().count();
    return !numbers.biased()
            || groups == 1
            || count.isEmpty()
            || count.getAsInt() <= SGLANG_MAX_GROUP * groups
        ? List.of()
        : List.of(
            Violation.ofCount(
                Checks.text("%d experts in %d groups", count.getAsInt(), groups),
                "at most " + SGLANG_MAX_GROUP + " in a group",
                count.getAsInt()));
  }

  private static List<Violation> expertLimit(ExpertNumbers numbers) {
    OptionalInt count = numbers.count();
    return count.isEmpty() || count.getAsInt() <= GgufModel.MOST_EXPERTS
        ? List.of()
        : List.of(
            Violation.ofCount(
                count.getAsInt() + " experts",
                "at most " + GgufModel.MOST_EXPERTS,
                count.getAsInt()));
  }
}
