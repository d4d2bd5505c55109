package io.moepress.recipes.recipe;

import io.moepress.formats.gguf.TypeExceptions.Exemption;
import io.moepress.recipes.target.Target;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// Reads how a GGUF file is to be written.
///
/// ```yaml
/// output: out/half.gguf         # the ending decides
/// gguf:                         # optional
///   type: Q4_K_M
///   pure: false
///   tensor-type: ["blk\\.[0-3]\\.ffn_down=Q6_K"]
///   imatrix: imatrix.gguf
///   tokenizer-from: original.gguf
///   # or, instead of type: {fit: 24GiB, by: error}
/// ```
final class GgufReader {
  private GgufReader() {}

  /// The section of a recipe; empty where it writes a checkpoint.
  static Optional<GgufSpec> read(YamlNode root, Path output) {
    Optional<YamlNode> section = root.optional("gguf");
    if (!GgufSpec.isName(output)) {
      if (section.isPresent()) {
        throw section
            .get()
            .error("beside output " + output + " (expected a name that ends in .gguf)");
      }
      return Optional.empty();
    }
    Optional<YamlNode> limit = root.optional("max-shard-size");
    if (limit.isPresent()) {
      throw limit.get().error("a GGUF file is one file (expected no such key). Remove it");
    }
    return section.map(GgufReader::spec).or(() -> Optional.of(GgufSpec.PLAIN));
  }

  private static GgufSpec spec(YamlNode node) {
    Optional<String> type = node.optional("type").map(YamlNode::text);
    boolean pure = node.optional("pure").map(YamlNode::flag).orElse(false);
    List<Exemption> exemptions =
        node.optional("tensor-type").map(YamlNode::list).orElse(List.of()).stream()
            .map(item -> item.parsed("PATTERN=TYPE", Exemption::parse))
            .toList();
    Optional<Path> importance = path(node, "imatrix");
    Optional<Path> tokenizer = path(node, "tokenizer-from");
    Optional<ByteSize> fit = node.optional("fit").map(RecipeReader::size);
    FitBy by =
        node.optional("by")
            .map(name -> name.choice(FitBy.labels(), FitBy::named))
            .orElse(FitBy.MIX);
    return node.checked(() -> new GgufSpec(type, pure, exemptions, importance, tokenizer, fit, by));
  }

  private static Optional<Path> path(YamlNode node, String key) {
    return node.optional(key).map(file -> file.parsed("a path", Path::of));
  }

  /// The runtime that has to load the result: of a GGUF file there is one.
  static Target target(YamlNode root, Path output) {
    Optional<YamlNode> node = root.optional("target");
    Optional<Target> target = node.map(name -> name.choice(Target.labels(), Target::named));
    if (!GgufSpec.isName(output)) {
      return target.orElse(Target.TRANSFORMERS);
    }
    if (target.isPresent() && target.get() != Target.LLAMA_CPP) {
      throw node.orElseThrow()
          .error(target.get().label() + " does not load GGUF files (expected llama.cpp)");
    }
    return Target.LLAMA_CPP;
  }
}
