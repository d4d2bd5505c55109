package io.moepress.recipes.recipe;

import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.target.Target;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.function.DoubleConsumer;
import java.util.function.Function;

/// Reads a recipe.
///
/// ```yaml
/// model: testdata/models/tiny-qwen3moe
/// output: out/tiny-qwen3moe-math-half
/// architecture: mine.json       # optional
/// target: transformers          # default
/// seed: 42                      # default
/// max-shard-size: 5GB           # default
/// gguf: {type: Q4_K_M}          # where output is a GGUF file, see [GgufReader]
/// calibration:                  # for methods that need data
///   data:
///     - {file: data/math.calibration.jsonl, samples: 25, name: math}
///     - data/code.calibration.jsonl
///   # or: samples: 256, and data of the form {file: data/math.jsonl, weight: 3}
///   max-tokens: 512             # default
///   order: file                 # default
/// steps:
///   - prune: {method: easy-ep, keep: 50%, protect: {super-experts: true, experts: ["3:17"]}}
/// evaluate:                     # optional
///   data: [data/math.evaluation.jsonl]
///   baselines: [random]
///   gates: {perplexity-ratio: 1.25}
/// ```
///
/// A recipe for `moepress compare` has `compare` in the place of `steps`; see [ComparisonReader].
///
/// Paths are kept as they are typed: relative ones start at the current directory. Nothing but the
/// recipe itself is opened.
public final class RecipeReader {
  private static final long DEFAULT_SEED = 42;
  private static final int DEFAULT_MAX_TOKENS = 512;
  private static final ByteSize DEFAULT_MAX_SHARD_SIZE = ByteSize.parse("5GB");

  private final MethodCatalog catalog;

  RecipeReader(MethodCatalog catalog) {
    this.catalog = catalog;
  }

  /// Reads a recipe from a file.
  ///
  /// @throws RecipeException if there is no such file, or it is no recipe
  /// @throws IOException if the file cannot be read
  public static Recipe read(Path file, MethodCatalog catalog) throws IOException {
    if (Files.isDirectory(file)) {
      throw new RecipeException(file + ": a directory (expected a recipe file)");
    }
    try (InputStream input = Files.newInputStream(file)) {
      return read(file, input.readNBytes(YamlSource.LARGEST_FILE + 1), catalog);
    } catch (NoSuchFileException e) {
      throw new RecipeException(file + ": no such file (expected a recipe)", e);
    }
  }

  static Recipe read(Path file, byte[] bytes, MethodCatalog catalog) {
    return new RecipeReader(catalog).recipe(file, sha256(bytes), YamlNode.parse(file, bytes));
  }

  Recipe recipe(Path file, String sha256, YamlNode root) {
    YamlNode modelNode = root.required("model", "a local directory");
    Path model = path(modelNode);
    YamlNode outputNode = root.required("output", "a directory to write");
    Path output = path(outputNode);
    require(outputNode, () -> Recipe.requireElsewhere(model, output));
    Target target = GgufReader.target(root, output);
    Optional<GgufSpec> gguf = GgufReader.read(root, output);
    long seed = root.optional("seed").map(YamlNode::integer).orElse(DEFAULT_SEED);
    ByteSize maxShardSize =
        root.optional("max-shard-size").map(RecipeReader::size).orElse(DEFAULT_MAX_SHARD_SIZE);
    Optional<CalibrationSpec> calibration =
        root.optional("calibration").map(RecipeReader::calibration);
    StepReader stepReader = new StepReader(catalog, seed);
    Optional<ComparisonSpec> comparison = comparison(root, stepReader);
    List<RecipeStep> steps = comparison.isPresent() ? List.of() : steps(root, stepReader);
    Optional<EvaluationSpec> evaluation =
        root.optional("evaluate").map(node -> evaluation(node, stepReader));
    Optional<Path> architecture = root.optional("architecture").map(RecipeReader::path);
    root.finish();
    return new Recipe(
        file,
        sha256,
        model,
        output,
        target,
        seed,
        maxShardSize,
        calibration,
        steps,
        evaluation,
        architecture,
        comparison,
        gguf);
  }

  private static List<RecipeStep> steps(YamlNode root, StepReader reader) {
    return nonEmpty(root.required("steps", "a list of steps"), "step").stream()
        .map(reader::step)
        .toList();
  }

  /// What is compared. Keys that would say nothing beside it are refused.
  private static Optional<ComparisonSpec> comparison(YamlNode root, StepReader reader) {
    Optional<YamlNode> section = root.optional("compare");
    if (section.isEmpty()) {
      return Optional.empty();
    }
    refuse(root.optional("steps"), "nothing is done but compared. Make it a candidate");
    refuse(root.optional("max-shard-size"), "no weights are written. Remove it");
    refuse(root.optional("gguf"), "no weights are written. Remove it");
    YamlNode evaluate = root.required("evaluate", "data to compare on");
    refuse(evaluate.optional("baselines"), "make them candidates");
    refuse(evaluate.optional("gates"), "there is no one result to judge. Remove them");
    return Optional.of(ComparisonReader.read(reader, section.get()));
  }

  private static void refuse(Optional<YamlNode> node, String why) {
    if (node.isPresent()) {
      throw node.get().error("beside \"compare\" (expected no such key): " + why);
    }
  }

  private static CalibrationSpec calibration(YamlNode node) {
    List<DataSource> data = sources(node, RecipeReader::weighted);
    OptionalInt samples = samples(node);
    int maxTokens = maxTokens(node);
    CalibrationSpec.Order order =
        node.optional("order")
            .map(name -> name.choice(CalibrationSpec.Order.labels(), CalibrationSpec.Order::named))
            .orElse(CalibrationSpec.Order.FILE);
    int reservoir = node.optional("reservoir-tokens").map(count -> count.atLeast(0)).orElse(0);
    return node.checked(() -> new CalibrationSpec(data, samples, maxTokens, order, reservoir));
  }

  private static EvaluationSpec evaluation(YamlNode node, StepReader steps) {
    List<PruneMethod> baselines =
        node.optional("baselines").map(YamlNode::list).orElse(List.of()).stream()
            .map(steps::baseline)
            .toList();
    List<DataSource> data = data(node);
    Gates gates = node.optional("gates").map(g -> gates(g, data)).orElse(Gates.NONE);
    return new EvaluationSpec(data, maxTokens(node), baselines, gates);
  }

  private static List<DataSource> data(YamlNode node) {
    return sources(node, item -> OptionalDouble.empty());
  }

  /// @param weight reads the weight of a source
  private static List<DataSource> sources(
      YamlNode node, Function<YamlNode, OptionalDouble> weight) {
    YamlNode data = node.required("data", "a list of files");
    return nonEmpty(data, "file").stream().map(item -> source(item, weight)).toList();
  }

  private static DataSource source(YamlNode node, Function<YamlNode, OptionalDouble> weight) {
    if (!node.isMap()) {
      Path file = path(node);
      return new DataSource(file, OptionalInt.empty(), DataSource.domain(file));
    }
    Path file = path(node.required("file", "a file of texts"));
    OptionalInt samples = samples(node);
    OptionalDouble share = weight.apply(node);
    String name = node.optional("name").map(YamlNode::text).orElse(DataSource.domain(file));
    return node.checked(() -> new DataSource(file, samples, share, name));
  }

  private static OptionalInt samples(YamlNode node) {
    return node.optional("samples")
        .map(count -> OptionalInt.of(count.atLeast(1)))
        .orElse(OptionalInt.empty());
  }

  private static OptionalDouble weighted(YamlNode node) {
    Optional<YamlNode> weight = node.optional("weight");
    if (weight.isEmpty()) {
      return OptionalDouble.empty();
    }
    double value = weight.get().decimal();
    require(weight.get(), () -> DataSource.requireWeight(value));
    return OptionalDouble.of(value);
  }

  private static int maxTokens(YamlNode node) {
    return node.optional("max-tokens").map(count -> count.atLeast(1)).orElse(DEFAULT_MAX_TOKENS);
  }

  private static Gates gates(YamlNode node, List<DataSource> data) {
    List<String> names = data.stream().map(DataSource::name).distinct().toList();
    List<String> judged =
        node.optional("data").map(YamlNode::list).orElse(List.of()).stream()
            .map(name ->
                name.choice(names, n -> names.contains(n) ? Optional.of(n) : Optional.empty()))
            .toList();
    return new Gates(
        judged,
        gate(node, "perplexity-ratio", Gates::requirePositive),
        gate(node, "kl-divergence", Gates::requireNotNegative),
        gate(node, "top1-agreement", Gates::requireShare),
        gate(node, "accuracy-drop", Gates::requireShare));
  }

  private static OptionalDouble gate(YamlNode gates, String key, DoubleConsumer requirement) {
    Optional<YamlNode> node = gates.optional(key);
    if (node.isEmpty()) {
      return OptionalDouble.empty();
    }
    double limit = node.get().decimal();
    require(node.get(), () -> requirement.accept(limit));
    return OptionalDouble.of(limit);
  }

  /// A size that something can have.
  static ByteSize size(YamlNode node) {
    ByteSize size = node.parsed(ByteSize.EXAMPLES, ByteSize::parse);
    require(node, () -> Recipe.requireSize(size));
    return size;
  }

  private static Path path(YamlNode node) {
    return node.parsed("a path", Path::of);
  }

  /// The items of a list that has some.
  static List<YamlNode> nonEmpty(YamlNode node, String what) {
    List<YamlNode> items = node.list();
    if (items.isEmpty()) {
      throw node.error("an empty list (expected at least one " + what + ")");
    }
    return items;
  }

  private static void require(YamlNode node, Runnable requirement) {
    node.checked(() -> {
      requirement.run();
      return node;
    });
  }

  private static String sha256(byte[] bytes) {
    return HexFormat.of().formatHex(Fingerprint.sha256().digest(bytes));
  }
}
