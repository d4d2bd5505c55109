package io.moepress.recipes.card;

import io.moepress.formats.Checks;
import io.moepress.recipes.ToolVersion;
import io.moepress.recipes.plan.IgnoreGroups;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.LowerTopK;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.recipes.plan.PruneMultiTokenPrediction;
import io.moepress.recipes.plan.QuantizeWeights;
import io.moepress.recipes.plan.SparsifyWeights;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.target.Target;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The card of a written checkpoint: what it was made from and how, how large and how good it is,
/// and how to load it. The card of the source stands below, and its front matter (licence,
/// languages, and so on) is kept.
///
/// A card is a function of the source's name and card, the plan and the scores.
///
/// @param base name of the source
/// @param original the card of the source; null where there is none
/// @param plan what was done
/// @param scores how good it is; null as long as nobody has looked
public record ModelCard(
    String base, @Nullable String original, Plan plan, @Nullable CardScores scores) {
  /// Its name in a checkpoint directory.
  public static final String FILE = "README.md";

  private static final String CACHED = "models--";

  /// The card of what a plan makes of the checkpoint in a directory.
  public static ModelCard of(Path directory, @Nullable String original, Plan plan) {
    return new ModelCard(name(directory), original, plan, null);
  }

  /// The name that the caches of the Hugging Face hub hide in a path, `models--org--name`; else the
  /// directory's own.
  static String name(Path directory) {
    Path path = directory.toAbsolutePath().normalize();
    for (Path part : path) {
      if (part.toString().startsWith(CACHED)) {
        return part.toString().substring(CACHED.length()).replace("--", "/");
      }
    }
    Path name = path.getFileName();
    return name == null ? "unknown" : name.toString();
  }

  /// The same with scores.
  public ModelCard with(@Nullable CardScores found) {
    return new ModelCard(base, original, plan, found);
  }

  /// The text of the file.
  public String text() {
    SourceCard source = SourceCard.of(original == null ? "" : original);
    StringBuilder text = new StringBuilder("---\n");
    text.append("base_model: " + Markdown.quoted(base) + "\n");
    text.append("library_name: transformers\ntags:\n");
    tags(source).forEach(tag -> text.append("- " + tag + "\n"));
    source.keys().values().forEach(text::append);
    text.append("---\n\n# " + Markdown.plain(base) + ", by moepress\n\n");
    text.append(
        Checks.text(
            "Made from %s by %s, for %s.\n", Markdown.plain(base), ToolVersion.text(), target()));
    done(text);
    sizes(text);
    if (scores != null) {
      text.append(scores.markdown());
    }
    text.append("\n## How to load it\n\n" + loading() + "\n");
    provenance(text);
    if (!source.text().isEmpty()) {
      text.append("\n# The card of " + Markdown.plain(base) + "\n\n");
      text.append("What follows was written about the source, not about this model.\n\n");
      text.append(source.text() + "\n");
    }
    return text.toString();
  }

  private Set<String> tags(SourceCard source) {
    Set<String> tags = new LinkedHashSet<>(Set.of("moepress"));
    tags.add("mixture-of-experts");
    for (Plan part : plan.chain()) {
      part.steps().forEach(step -> step.decidedBy().ifPresent(tags::add));
    }
    tags.addAll(source.tags());
    return tags;
  }

  private void done(StringBuilder text) {
    text.append("\n## What was done\n\n");
    Map<String, Integer> layers = new LinkedHashMap<>();
    for (Plan part : plan.chain()) {
      part.steps().forEach(step -> layers.merge(sentence(step), 1, Integer::sum));
    }
    layers.forEach((sentence, count) ->
        text.append("- " + sentence + (count > 1 ? ", in " + count + " layers" : "") + "\n"));
    if (layers.isEmpty()) {
      text.append("- every tensor was copied as it is\n");
    }
    for (Plan part : plan.chain()) {
      part.notes().forEach(note -> text.append("- " + Markdown.plain(note) + "\n"));
    }
  }

  private static String sentence(PlanStep step) {
    return switch (step) {
      case KeepExperts keep ->
          Checks.text(
              "%s: %d of %d experts stay", keep.method(), keep.kept().size(), keep.experts());
      case MergeExperts merge ->
          Checks.text("%s: %d experts become %d", merge.method(), merge.experts(), merge.left());
      case SparsifyWeights sparsify -> sparsify.method() + ": weights are set to zero";
      case QuantizeWeights quantize ->
          quantize.method() + ": weights become integers, stored as " + quantize.storage().label();
      case IgnoreGroups ignore -> "the router no longer looks at groups of experts";
      case LowerTopK lower ->
          Checks.text("a token uses %d experts, where it used %d", lower.to(), lower.from());
      case PruneMultiTokenPrediction prune ->
          "layers for multi-token prediction are pruned like the last layer";
    };
  }

  private void sizes(StringBuilder text) {
    Plan.Size before = plan.chain().getFirst().before();
    Plan.Size after = plan.after();
    text.append("\n## Size\n\n| | original | this model |\n|---|---|---|\n");
    text.append(
        Checks.text(
            "| experts in a layer | %s | %s |\n", before.expertsText(), after.expertsText()));
    text.append(
        Checks.text("| parameters | %,d | %,d |\n", before.parameters(), after.parameters()));
    text.append(
        Checks.text(
            "| weights | %s | %s |\n",
            new ByteSize(before.bytes()).rounded(), new ByteSize(after.bytes()).rounded()));
  }

  private String target() {
    return Target.named(plan.target()).map(Target::label).orElse("an unknown runtime");
  }

  /// What to type, with the directory in the place of the three points.
  private String loading() {
    return switch (Target.named(plan.target()).orElse(Target.TRANSFORMERS)) {
      case TRANSFORMERS ->
          """
          ```python
          from transformers import AutoModelForCausalLM, AutoTokenizer

          model = AutoModelForCausalLM.from_pretrained("...", dtype="auto")
          tokenizer = AutoTokenizer.from_pretrained("...")
          ```
          """
              .stripTrailing();
      case VLLM -> "```sh\nvllm serve ...\n```";
      case SGLANG -> "```sh\npython -m sglang.launch_server --model-path ...\n```";
      case LLAMA_CPP ->
          "```sh\nmoepress convert ... -o model.gguf\nllama-server -m model.gguf\n```";
      case RESEARCH ->
          "No stock runtime need load it; `moepress eval` does. Where layers differ, `config.json` says"
              + " how.";
    };
  }

  private void provenance(StringBuilder text) {
    text.append("\n## Provenance\n\n| what | digest |\n|---|---|\n");
    text.append("| source | `" + plan.source() + "` |\n");
    for (Plan part : plan.chain()) {
      if (part.evidence() != null) {
        text.append("| evidence | `" + part.evidence() + "` |\n");
      }
      text.append("| plan | `" + part.digest() + "` |\n");
    }
    text.append(
        "\n`moepress.json` has origin and digest of every tensor; `sha256sum -c SHA256SUMS` checks all"
            + " files.\n");
  }
}
