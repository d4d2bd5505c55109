package io.moepress.cli;

import io.moepress.formats.Checks;
import io.moepress.formats.Words;
import io.moepress.formats.architecture.ExpertCounts;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.recipe.RecipeException;
import io.moepress.recipes.target.ExpertNumbers;
import io.moepress.recipes.target.Target;
import io.moepress.recipes.target.TargetRules;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/// A recipe to start with.
final class RecipeTemplate {
  private static final Path MODEL = Path.of("path/to/model");
  private static final Path DATA = Path.of("data/texts.jsonl");

  private static final String HEAD =
      """
      # A recipe for moepress. Relative paths start at the current directory.
      #
      #   moepress recipe check FILE     finds mistakes, and measures nothing
      #   moepress plan FILE             decides and explains, and writes no weights
      #   moepress run FILE              does it

      # The checkpoint to compress: a directory with config.json and safetensors.
      # FACTS
      model: MODEL

      # The directory to write. It must not exist, or be empty, unless you say --overwrite.
      output: OUTPUT

      # A name that ends in .gguf makes one file for llama.cpp. How, all of it optional:
      # gguf: {type: Q4_K_M, pure: false, tensor-type: ["ffn_down_exps=Q6_K"], imatrix: mine.gguf,
      # tokenizer-from: original.gguf}. type is a type or a mix, by default the types that the weights
      # have; pure, one type for all matrices; tensor-type, others for those in whose name a pattern
      # occurs; imatrix, by what errors are weighed. Or instead of type {fit: 24GiB, by: mix}: the
      # best mix whose file is not larger; by: error gives each matrix a type by its errors, by:
      # mc-moe or alphaq each stack of experts by what these methods say that bits cost.

      # A file that describes the model, for families that moepress does not know.
      # architecture: my-model.json

      # The runtime that has to load the result: RUNTIMES.
      target: RUNTIME

      # Decides everything that draws lots.
      seed: 42

      # The limit for one file of weights.
      max-shard-size: 5GB

      """;

  private static final String CALIBRATION =
      """
      # The texts by which experts are measured: what the model shall stay good at.
      calibration:
        # JSON lines of {"text": "..."}, {"messages": [...]} or {"input_ids": [...]}, plain text (.txt,
        # .md), or a directory of such files. samples: how many of a file, from its first; all by
        # default. name: the domain; by default the file name up to the first dot. Or a mix: samples
        # beside data, and for each file its share of them, such as weight: 3.
        data:
          - FILES
        # Where a text is cut.
        max-tokens: 512
        # file: in the order of the files. shuffled: in an order that the seed decides.
        order: file
        # How many inputs of each layer are kept; by default as many as the methods need.
        # reservoir-tokens: 4096

      """;

  private static final String STEP =
      """
      # What is done. Experts can be merged instead: "recipe new --method hc-smoe" explains the keys of
      # such a step, - merge: {method: hc-smoe, keep: 50%, align: none, router: dominant}.
      steps:
        - prune:
            # moepress explain lists all methods, moepress explain NAME says what this one does.
            method: NAME
            # How many experts of each layer stay: a share (keep: 50%) or a number (experts: 16).
            # A list gives each layer its own number, such as experts: [20, 12, 16].
            BUDGET
            # How the budget is spread: uniform, or global for one threshold over all layers. By default
            # as the method does it by itself.
            # allocation: uniform
            # Rounds numbers of experts to a multiple of 8, say, or to what the target likes: target.
            # snap: target
            # Whether all layers get the same number where the target knows one number only.
            uniformise: true
            # Experts that no score can drop: those with extreme outputs, and those listed here as
            # "layer:expert", such as experts: ["3:17"].
            protect:
              super-experts: true
              experts: []
            # slice: dropped experts go, and their router rows. mask: they stay, and a selection bias
            # keeps the router from choosing them.
            router: slice
            # How many experts a token uses, if fewer than before: a number, or fit.
            # top-k: fit
            # For routers that choose from groups: keep equally many of each, or none for one group.
            groups: keep
            # Layers for multi-token prediction: drop them when experts go, or prune them alike.
            multi-token-prediction: drop
      """;

  private static final String MERGE_STEP =
      """
      # What is done.
      steps:
        - merge:
            # moepress explain lists all methods, moepress explain NAME says what this one does.
            method: NAME
            # How many experts of each layer are left: a share (keep: 50%) or a number (experts: 16).
            BUDGET
            # Experts that are never merged: those with extreme outputs, and those listed here as
            # "layer:expert", such as experts: ["3:17"].
            protect:
              super-experts: true
              experts: []
            # How neurons are matched before experts are averaged: none, weights, activations.
            align: none
            # How the budget is spread over layers: uniform, or global for one threshold of frequency.
            # allocation: uniform
            # Round to a multiple of a number, or to what the target likes: snap: 8, snap: target.
            # snap: target
            # One number for all layers where the target knows one only.
            uniformise: true
            # The router row of a merged expert: dominant, mean, frequency-mean; map keeps all rows,
            # for target research.
            router: dominant
            # How many experts a token uses, if fewer than before: a number, or fit.
            # top-k: fit
            # For routers that choose from groups: merge within each, or none for one group.
            groups: keep
            # Layers for multi-token prediction: drop them, or prune them to one of each group.
            multi-token-prediction: drop
      """;

  private static final String FURTHER =
      """
        # A further step could set weights of what is left to zero; moepress explain wanda says how.
        # - sparsify:
        #     method: wanda
        #     # How many of each row: a share, or instead so many of neighbours, pattern: 2:4.
        #     sparsity: 25%
        #     # experts, feed-forward (with shared experts and dense networks), or all-linear.
        #     scope: feed-forward
        #     # Whether each layer is measured behind the zeros of those before it.
        #     sequential: true
        #     # Experts that no text reached: skip them, or take their smallest weights, magnitude.
        #     starved: skip
        #     # Power of the routing weight by which a token counts: 0 or 2.
        #     gate-power: 0
        # And the last one make weights integers; moepress explain round-to-nearest says how.
        # - quantize:
        #     method: round-to-nearest
        #     # Bits of the weights of routed experts; activations stay in 16.
        #     scheme: W4A16
        #     # Or a method chooses bits for each expert: pmq from texts, alphaq from weights.
        #     # allocate: pmq
        #     # Bits of a weight on average, or instead the size of the whole, fit: 24GiB.
        #     # bits: 2.5
        #     # widths: [1, 2, 3]
        #     # What shares a width: matrix, expert, projection, layer, model.
        #     # granularity: layer
        #     # Weights of a row that share a scale, or channel for all of it.
        #     group-size: 128
        #     # Without it groups have zero points.
        #     symmetric: true
        #     # Attention, shared experts and dense networks stay as they are, or have their own.
        #     others: {scheme: W8A16, group-size: 128}
        #     # compressed-tensors, gptq, or decoded: the numbers that codes stand for.
        #     storage: compressed-tensors
        # - quantize:
        #     # Looks at the inputs of experts; rounding errors are made up for.
        #     method: gptq
        #     scheme: W4A16
        #     # More follows the inputs less closely.
        #     damping: 0.01
        #     # extremes, or search: better grids, takes longer.
        #     scales: extremes
        #     # Each layer is looked at behind quantised ones.
        #     sequential: true
        #     # Experts that fewer tokens chose: round-to-nearest, or fail.
        #     min-tokens: 1
        #     starved: round-to-nearest
      """;

  private static final String EVALUATION =
      """

      # How the result is judged. Take the # away, and name texts the model was not calibrated on.
      # evaluate:
      #   # Files as above, or questions: {"context": "...", "choices": ["..."], "answer": 0}.
      #   data: [data/held-out.jsonl]
      #   max-tokens: 512
      #   # Methods to compare with at the same budget; nothing of them is written.
      #   baselines: [random]
      #   # Limits; a missed one ends the run with exit code 3. data: the names that are judged.
      #   gates:
      #     data: [held-out]
      #     perplexity-ratio: 1.25
      #     kl-divergence: 0.5
      #     top1-agreement: 0.6
      #     accuracy-drop: 0.05

      # Or many methods and budgets side by side: compare in the place of steps, and no gates.
      # moepress compare writes a table and a chart.
      # keep (or experts) fills in for every step without a budget; candidates are steps, or named
      # lists of steps; random says how many times lots are drawn at each budget, as the floor.
      # compare: {keep: [75%, 50%], random: 3, candidates: [prune: {method: reap},
      # {name: two steps, steps: [prune: {method: frequency, keep: 90%}, prune: {method: reap}]}]}
      """;

  private RecipeTemplate() {}

  /// What somebody wants of it.
  ///
  /// @param model the checkpoint
  /// @param method the name of a method
  /// @param target the runtime
  /// @param data texts to calibrate on
  record Wish(Optional<Path> model, String method, Target target, List<Path> data) {
    Wish {
      data = List.copyOf(data);
    }
  }

  /// What is in the model.
  ///
  /// @param facts one line
  /// @param budget the key and value of half the experts, or of the nearest number the target takes
  private record Facts(String facts, String budget) {
    static final Facts UNKNOWN = new Facts("moepress inspect says what is in it.", "keep: 50%");
  }

  static String text(Wish wish, Methods methods) throws IOException {
    List<String> offered = methods.names(Methods.PRUNE, Methods.MERGE);
    MethodDescription method =
        Optional.of(wish.method())
            .filter(offered::contains)
            .flatMap(methods::description)
            .orElseThrow(() ->
                new RecipeException(
                    "--method: "
                        + Words.quoted(wish.method())
                        + " (expected one of: "
                        + String.join(", ", offered)
                        + ")"
                        + Words.didYouMean(wish.method(), offered)));
    Facts facts = wish.model().isEmpty() ? Facts.UNKNOWN : facts(wish);
    Path model = wish.model().orElse(MODEL);
    boolean needsTexts = !methods.needs(wish.method()).isEmpty();
    return HEAD.replace("RUNTIMES", String.join(", ", Target.labels()))
            .replace("RUNTIME", wish.target().label())
            .replace("OUTPUT", quoted(model.normalize() + "-" + wish.method()))
            .replace("MODEL", quoted(model.toString()))
            .replace("FACTS", facts.facts())
        + calibration(wish.data(), needsTexts)
        + step(wish.method(), methods)
            .replace("NAME", wish.method())
            .replace("BUDGET", facts.budget())
        + options(method)
        + FURTHER
        + EVALUATION;
  }

  private static String step(String method, Methods methods) {
    return methods.step(method).equals(Methods.PRUNE) ? STEP : MERGE_STEP;
  }

  private static Facts facts(Wish wish) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(wish.model().orElseThrow())) {
      ModelLayout layout = MoeModel.of(checkpoint).layout();
      String facts =
          Checks.text(
              "%s: %d layers, %d of them with %s experts, of which a token uses %d; %s.",
              layout.config().modelType(),
              layout.layers(),
              layout.moeLayers().size(),
              ExpertCounts.text(layout.distinctExperts()),
              layout.topK(),
              new ByteSize(checkpoint.byteCount()).rounded());
      return new Facts(facts, budget(layout, wish.target()));
    }
  }

  /// Half of the experts, or the nearest number that the target takes well.
  private static String budget(ModelLayout layout, Target target) {
    int half = Math.ceilDiv(layout.experts(), 2);
    int best =
        TargetRules.smoothCounts(target, ExpertNumbers.of(layout)).stream()
            .min(Comparator.comparingInt(count -> Math.abs(count - half)))
            .orElse(layout.experts());
    return best == half ? "keep: 50%" : "experts: " + best;
  }

  private static String calibration(List<Path> data, boolean needsTexts) {
    StringBuilder files = new StringBuilder();
    for (Path file : data.isEmpty() ? List.of(DATA) : data) {
      files.append("    - {file: ").append(quoted(file.toString())).append(", samples: 25}\n");
    }
    String section = CALIBRATION.replace("    - FILES\n", files.toString());
    return needsTexts ? section : commented(section);
  }

  private static String options(MethodDescription method) {
    StringBuilder text = new StringBuilder();
    for (MethodDescription.Option option : method.options()) {
      text.append("      # ")
          .append(option.key())
          .append(": ")
          .append(option.meaning())
          .append("; by default ")
          .append(option.defaultValue())
          .append("\n");
    }
    return text.toString();
  }

  private static String commented(String section) {
    StringBuilder text = new StringBuilder("# This method needs no calibration.\n");
    section.lines().forEach(line -> text.append(line.isEmpty() ? "" : "# " + line).append('\n'));
    return text.toString();
  }

  /// A path as a YAML value.
  private static String quoted(String path) {
    return path.matches("[A-Za-z0-9/][A-Za-z0-9/._+-]*")
        ? path
        : "\"" + path.replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
  }
}
