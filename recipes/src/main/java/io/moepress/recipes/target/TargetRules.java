package io.moepress.recipes.target;

import static io.moepress.recipes.target.FileRules.CHAT_TEMPLATE;
import static io.moepress.recipes.target.FileRules.FORMAT_METADATA;
import static io.moepress.recipes.target.FileRules.GENERATION_CONFIG;
import static io.moepress.recipes.target.FileRules.INDEX_SIZE;
import static io.moepress.recipes.target.FileRules.TOKENIZER;
import static io.moepress.recipes.target.NumberRules.COUNT_ALIASES;
import static io.moepress.recipes.target.NumberRules.COUNT_KEY;
import static io.moepress.recipes.target.NumberRules.COUNT_KEY_OR_LIST;
import static io.moepress.recipes.target.NumberRules.EXPERT_GROUPS;
import static io.moepress.recipes.target.NumberRules.EXPERT_MAP;
import static io.moepress.recipes.target.NumberRules.EXPERT_MAP_OR_NONE;
import static io.moepress.recipes.target.NumberRules.TOP_K;
import static io.moepress.recipes.target.NumberRules.UNIFORM_EXPERTS;
import static io.moepress.recipes.target.QuantizationRules.CODE_PACKING;
import static io.moepress.recipes.target.QuantizationRules.FUSED_LINEARS;
import static io.moepress.recipes.target.QuantizationRules.GROUP_FORMATS;
import static io.moepress.recipes.target.QuantizationRules.IGNORED_PARENTS;
import static io.moepress.recipes.target.QuantizationRules.LAYERS_LISTED;
import static io.moepress.recipes.target.QuantizationRules.ONE_GROUP;
import static io.moepress.recipes.target.QuantizationRules.PREDICTION_LISTED;
import static io.moepress.recipes.target.QuantizationRules.QUANTIZED_LISTED;
import static io.moepress.recipes.target.QuantizationRules.QUANTIZED_PARTS;
import static io.moepress.recipes.target.QuantizationRules.ROUTER_LISTED;
import static io.moepress.recipes.target.QuantizationRules.ROUTER_PLAIN;
import static io.moepress.recipes.target.QuantizationRules.UNQUANTIZED_LISTED;
import static io.moepress.recipes.target.QuantizationRules.UNQUANTIZED_LISTED_BUT_EXPERTS;
import static io.moepress.recipes.target.QuantizedExpertRules.EXPERT_GROUP;
import static io.moepress.recipes.target.QuantizedExpertRules.EXPERT_LOOKUP;
import static io.moepress.recipes.target.QuantizedExpertRules.LINEAR_GROUP;
import static io.moepress.recipes.target.QuantizedExpertRules.ONE_SCHEME;
import static io.moepress.recipes.target.QuantizedExpertRules.PARALLEL_GROUPS;
import static io.moepress.recipes.target.QuantizedExpertRules.QUANTIZED_EXPERTS;
import static io.moepress.recipes.target.QuantizedExpertRules.SCHEME_PER_LAYER;
import static io.moepress.recipes.target.QuantizedExpertRules.SHARED_EXPERTS;
import static io.moepress.recipes.target.QuantizedExpertRules.SYMMETRIC_EXPERTS;
import static io.moepress.recipes.target.RuntimeRules.DEEPSEEK_V4_EXPERTS;
import static io.moepress.recipes.target.RuntimeRules.EXPERT_LIMIT;
import static io.moepress.recipes.target.RuntimeRules.GROUP_SIZE;
import static io.moepress.recipes.target.RuntimeRules.PARALLEL_EXPERTS;
import static io.moepress.recipes.target.RuntimeRules.POWER_OF_TWO;
import static io.moepress.recipes.target.RuntimeRules.PREDICTION_EXPERTS;
import static io.moepress.recipes.target.RuntimeRules.PREDICTION_LAYERS;
import static io.moepress.recipes.target.RuntimeRules.SPLIT_EXPERTS;
import static io.moepress.recipes.target.RuntimeRules.TIED_OUTPUT_HEAD;
import static io.moepress.recipes.target.RuntimeRules.WEIGHT_TYPES;
import static io.moepress.recipes.target.TensorRules.EXPERT_COUNT;
import static io.moepress.recipes.target.TensorRules.EXPERT_NUMBERS;
import static io.moepress.recipes.target.TensorRules.EXPERT_TENSORS;
import static io.moepress.recipes.target.TensorRules.MISSING_TENSORS;
import static io.moepress.recipes.target.TensorRules.OUTPUT_HEAD;
import static io.moepress.recipes.target.TensorRules.ROUTER_ROWS;
import static io.moepress.recipes.target.TensorRules.SELECTION_BIAS;
import static io.moepress.recipes.target.TensorRules.TENSOR_SHAPES;
import static io.moepress.recipes.target.TensorRules.UNKNOWN_TENSORS;

import io.moepress.formats.Checks;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Predicate;
import java.util.stream.Stream;

/// Which [Rule]s a runtime has. They are asked before any heavy work, about the numbers of experts
/// alone, and again of a written checkpoint.
public final class TargetRules {
  private static final String V5 = "transformers 5.18.0";

  /// What has to hold whoever loads the checkpoint: tensors and configuration fit each other.
  private static final List<Rule> COMMON =
      List.of(
          COUNT_KEY_OR_LIST,
          COUNT_ALIASES,
          TOP_K,
          EXPERT_GROUPS,
          EXPERT_MAP_OR_NONE,
          EXPERT_COUNT,
          EXPERT_NUMBERS,
          EXPERT_TENSORS,
          ROUTER_ROWS,
          SELECTION_BIAS,
          MISSING_TENSORS,
          UNKNOWN_TENSORS,
          TENSOR_SHAPES,
          OUTPUT_HEAD,
          INDEX_SIZE,
          QUANTIZED_PARTS,
          QUANTIZED_LISTED);

  /// What every stock runtime wants besides.
  private static final List<Rule> STOCK =
      List.of(
          COUNT_KEY,
          EXPERT_MAP,
          UNIFORM_EXPERTS,
          TIED_OUTPUT_HEAD,
          WEIGHT_TYPES,
          TOKENIZER,
          GENERATION_CONFIG,
          CHAT_TEMPLATE,
          PREDICTION_LAYERS);

  private static final List<Rule> TRANSFORMERS =
      List.of(
          COUNT_KEY.in(V5, "takes the default of its class, and fails to load"),
          COUNT_ALIASES.in(V5, "believes one key, and fails to load when it is the stale one"),
          TOP_K.in(V5, "loads, and fails in the first forward pass"),
          EXPERT_GROUPS.in(V5, "loads, and fails in the first forward pass"),
          EXPERT_MAP.in(V5, "fails to load: sizes do not match"),
          UNIFORM_EXPERTS.in(V5, "fails to load: sizes do not match"),
          EXPERT_COUNT.in(V5, "fails to load: sizes do not match"),
          EXPERT_NUMBERS.in(V5, "stacks them in the order of their numbers without a warning"),
          EXPERT_TENSORS.in(V5, "fails to load: cannot convert the layer"),
          ROUTER_ROWS.in(V5, "fails to load: sizes do not match"),
          SELECTION_BIAS,
          MISSING_TENSORS.in(V5, "draws the tensor at random and says so in its log"),
          UNKNOWN_TENSORS.in(V5, "leaves the tensor out and says so in its log"),
          TENSOR_SHAPES.in(V5, "fails to load: sizes do not match"),
          OUTPUT_HEAD.in(V5, "draws the head at random and says so in its log"),
          TIED_OUTPUT_HEAD.in(V5, "keeps both when they differ, whatever the key says"),
          WEIGHT_TYPES.in(V5, "converts every tensor to the type that `config.json` says"),
          FORMAT_METADATA.in("transformers 4", "refuses the file; version 5 loads it"),
          TOKENIZER,
          GENERATION_CONFIG,
          CHAT_TEMPLATE,
          INDEX_SIZE,
          PREDICTION_LAYERS.as(Severity.NOTE).in(V5, "ignores such layers"),
          PREDICTION_EXPERTS.as(Severity.NOTE).in(V5, "ignores such layers"),
          QUANTIZED_PARTS.in(V5, "draws what it does not find at random and says so in its log"),
          QUANTIZED_LISTED.in(V5, "draws the layer at random and says so in its log"),
          UNQUANTIZED_LISTED_BUT_EXPERTS.in(V5, "draws the layer at random and says so in its log"),
          ROUTER_PLAIN,
          QUANTIZED_EXPERTS.in(V5, "draws these experts at random and says so in its log"),
          ONE_SCHEME.in(V5, "fails to load, or in the first forward pass"),
          EXPERT_GROUP.in(V5, EXPERT_GROUP.otherwise()),
          SYMMETRIC_EXPERTS.in(V5, "leaves the zero points out, and calculates with other weights"),
          QuantizedExpertRules.widths(QuantizedLayers.TRANSFORMERS_BITS)
              .in(V5, "was not seen to load them"),
          GROUP_FORMATS,
          ONE_GROUP,
          CODE_PACKING.in("compressed-tensors 0.17.0", CODE_PACKING.otherwise()),
          GptqRules.GPTQ_EXCEPTIONS,
          GptqRules.GPTQ_EXPERTS);

  private static final List<Rule> VLLM =
      with(
          EXPERT_COUNT.in("", "asserts the shape of the router"),
          MISSING_TENSORS.in("", "does not report missing tensors reliably"),
          PREDICTION_EXPERTS,
          SPLIT_EXPERTS.in(
              "vllm#42577, #36997", "does not know such names in every family, and may skip them"),
          PARALLEL_EXPERTS.in("vllm#52435", "refuses expert parallelism over other numbers"),
          DEEPSEEK_V4_EXPERTS.in(
              "vllm#51521, #50982", "fails on CUDA: its router kernel takes no other number"),
          UNQUANTIZED_LISTED,
          ROUTER_LISTED,
          ROUTER_PLAIN,
          LAYERS_LISTED,
          SCHEME_PER_LAYER,
          EXPERT_LOOKUP.in("llm-compressor#3069", EXPERT_LOOKUP.otherwise()),
          SYMMETRIC_EXPERTS,
          FUSED_LINEARS,
          QuantizedExpertRules.widths(QuantizedLayers.KERNEL_BITS),
          GROUP_FORMATS.in("vllm#22468, #22674", GROUP_FORMATS.otherwise()),
          ONE_GROUP,
          PREDICTION_LISTED.in("vllm#41994", PREDICTION_LISTED.otherwise()),
          PARALLEL_GROUPS,
          GptqRules.GPTQ_ZERO_POINTS);

  private static final List<Rule> SGLANG =
      with(
          PREDICTION_EXPERTS,
          SPLIT_EXPERTS.as(Severity.WARNING).in("sglang#18965", "may not know such names"),
          POWER_OF_TWO.in("sglang#6946", "falls back to a slower kernel for biased routing"),
          GROUP_SIZE,
          UNQUANTIZED_LISTED,
          ROUTER_LISTED,
          ROUTER_PLAIN,
          LAYERS_LISTED,
          IGNORED_PARENTS.in("sglang#32736", IGNORED_PARENTS.otherwise()),
          SCHEME_PER_LAYER,
          LINEAR_GROUP.in("sglang#29761", "takes that group for experts, before July 2026"),
          SYMMETRIC_EXPERTS,
          SHARED_EXPERTS.in("sglang#33759", SHARED_EXPERTS.otherwise()),
          FUSED_LINEARS,
          QuantizedExpertRules.widths(QuantizedLayers.KERNEL_BITS),
          GROUP_FORMATS,
          ONE_GROUP,
          PREDICTION_LISTED,
          PARALLEL_GROUPS,
          GptqRules.GPTQ_ZERO_POINTS);

  private static final List<Rule> LLAMA_CPP =
      with(EXPERT_LIMIT.in("llama.cpp, `LLAMA_MAX_EXPERTS`", "stops while it loads"));

  private TargetRules() {}

  /// All stock rules and some more; of rules with the same id the last counts.
  private static List<Rule> with(Rule... more) {
    List<Rule> rules = new ArrayList<>(COMMON);
    for (Rule rule : Stream.concat(STOCK.stream(), Stream.of(more)).toList()) {
      int index = rules.stream().map(Rule::id).toList().indexOf(rule.id());
      if (index < 0) {
        rules.add(rule);
      } else {
        rules.set(index, rule);
      }
    }
    return List.copyOf(rules);
  }

  private static List<Rule> of(Target target) {
    return switch (target) {
      case TRANSFORMERS -> TRANSFORMERS;
      case VLLM -> VLLM;
      case SGLANG -> SGLANG;
      case LLAMA_CPP -> LLAMA_CPP;
      case RESEARCH -> COMMON;
    };
  }

  /// A rule in words.
  ///
  /// @param id its name
  /// @param holds what is so in a checkpoint that keeps it
  /// @param otherwise what the runtime does when it is broken
  /// @param severity how much that matters
  /// @param seen where that was seen; empty where it follows from the file itself
  public record Description(
      String id, String holds, String otherwise, Severity severity, String seen) {}

  /// The rules of a runtime in words.
  public static List<Description> describe(Target target) {
    return of(target).stream()
        .map(rule ->
            new Description(
                rule.id(), rule.holds(), rule.otherwise(), rule.severity(), rule.seen()))
        .toList();
  }

  /// What one rule found.
  ///
  /// @param rule the rule's id
  /// @param holds what is so in a checkpoint that keeps it
  /// @param findings how it is broken; none when it holds
  public record Judgement(String rule, String holds, List<Finding> findings) {
    public Judgement {
      findings = List.copyOf(findings);
    }
  }

  /// Asks every rule of a runtime.
  public static List<Judgement> judge(Target target, Candidate candidate) {
    return judge(of(target), target.label(), candidate);
  }

  /// Asks the rules that hold whoever loads the checkpoint.
  public static List<Judgement> judge(Candidate candidate) {
    return judge(COMMON, "any runtime", candidate);
  }

  private static List<Judgement> judge(List<Rule> rules, String runtime, Candidate candidate) {
    return rules.stream()
        .map(rule ->
            new Judgement(
                rule.id(),
                rule.holds(),
                rule.check().apply(candidate).stream()
                    .map(violation -> finding(rules, rule, runtime, violation, candidate))
                    .toList()))
        .toList();
  }

  /// What is wrong with the numbers of experts of a plan.
  public static List<Finding> check(Target target, ExpertNumbers numbers) {
    return check(target, Candidate.planned(numbers));
  }

  /// What is wrong with what a plan would lead to.
  public static List<Finding> check(Target target, Candidate candidate) {
    return judge(target, candidate).stream()
        .flatMap(judgement -> judgement.findings().stream())
        .toList();
  }

  private static Finding finding(
      List<Rule> rules, Rule rule, String runtime, Violation violation, Candidate candidate) {
    String wayOut =
        violation.wanted().isEmpty()
            ? violation.wayOut()
            : wayOut(rules, rule, candidate.numbers().orElseThrow(), violation.wanted().getAsInt());
    return new Finding(
        rule.id(), runtime, rule.severity(), violation.found(), violation.expected(), wayOut);
  }

  private static String wayOut(List<Rule> rules, Rule rule, ExpertNumbers numbers, int wanted) {
    OptionalInt nearest =
        nearest(numbers, wanted, count -> accepts(rules, rule.severity(), numbers.uniform(count)));
    return nearest.isEmpty()
        ? "Choose another target."
        : Checks.text("The nearest is %d in every layer.", nearest.getAsInt());
  }

  /// Whether no rule is broken that matters at least as much.
  private static boolean accepts(List<Rule> rules, Severity least, ExpertNumbers numbers) {
    Candidate candidate = Candidate.planned(numbers);
    return rules.stream()
        .filter(rule -> rule.severity().compareTo(least) <= 0)
        .allMatch(rule -> rule.check().apply(candidate).isEmpty());
  }

  private static OptionalInt nearest(
      ExpertNumbers numbers, int wanted, Predicate<Integer> accepted) {
    int most = Math.max(numbers.available(), wanted);
    return Stream.iterate(0, distance -> distance <= most, distance -> distance + 1)
        .flatMap(distance -> Stream.of(wanted + distance, wanted - distance))
        .filter(count -> count >= 1 && count <= numbers.available() && accepted.test(count))
        .mapToInt(Integer::intValue)
        .findFirst();
  }

  /// The numbers of experts about which a runtime has nothing to say, not even a note.
  public static List<Integer> quietCounts(Target target, ExpertNumbers numbers) {
    return counts(target, numbers, Severity.NOTE);
  }

  /// The numbers of experts that a runtime takes without a refusal and without a warning.
  public static List<Integer> smoothCounts(Target target, ExpertNumbers numbers) {
    return counts(target, numbers, Severity.WARNING);
  }

  /// The numbers of experts that a runtime takes.
  public static List<Integer> legalCounts(Target target, ExpertNumbers numbers) {
    return counts(target, numbers, Severity.REFUSAL);
  }

  private static List<Integer> counts(Target target, ExpertNumbers numbers, Severity worst) {
    return Stream.iterate(1, count -> count <= numbers.available(), count -> count + 1)
        .filter(count -> accepts(of(target), worst, numbers.uniform(count)))
        .toList();
  }
}
