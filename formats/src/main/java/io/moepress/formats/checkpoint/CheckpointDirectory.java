package io.moepress.formats.checkpoint;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.checkpoint.ModelConfig.Supplied;
import io.moepress.formats.json.Json;
import io.moepress.formats.safetensors.SafetensorsFile;
import io.moepress.formats.safetensors.SafetensorsHeader.Entry;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// A checkpoint directory in the Hugging Face layout: `config.json`, and either `model.safetensors`
/// or shards named by an index.
///
/// Only files that the index names are opened. Headers of all shards are validated on opening; data
/// is mapped tensor by tensor.
public final class CheckpointDirectory implements Checkpoint {
  /// Name of the configuration in a checkpoint directory.
  public static final String CONFIG = "config.json";

  /// Name of the only weight file when there is just one.
  public static final String SINGLE_FILE = "model.safetensors";

  /// Of a configuration and of an architecture file; those of known models have a few hundred
  /// kilobytes at most.
  private static final long MOST_BYTES = 16L << 20;

  private final Path directory;
  private final ModelConfig config;
  private final List<SafetensorsFile> shards = new ArrayList<>();
  private final SortedMap<String, TensorInfo> tensors = new TreeMap<>();

  private CheckpointDirectory(Path directory, ModelConfig config) {
    this.directory = directory;
    this.config = config;
  }

  /// Opens a checkpoint directory.
  ///
  /// @throws FormatException when something in it is broken or missing
  public static CheckpointDirectory open(Path directory) throws IOException {
    return open(directory, null);
  }

  /// Opens a checkpoint directory that an architecture file of the user's describes.
  ///
  /// @param architecture the file; null: one of those that come with the program
  /// @throws FormatException when something in it is broken or missing
  public static CheckpointDirectory open(Path directory, @Nullable Path architecture)
      throws IOException {
    Path file = requireLayout(directory);
    ModelConfig config = ModelConfig.parse(Json.text(file, MOST_BYTES));
    if (architecture != null) {
      Checks.requireFormat(
          Files.isRegularFile(architecture),
          "%s: no such file (expected an architecture)",
          architecture);
      String where = architecture.toString();
      config =
          config.describedBy(
              new Supplied(Json.object(Json.text(architecture, MOST_BYTES), where), where));
    }
    CheckpointDirectory checkpoint = new CheckpointDirectory(directory, config);
    boolean opened = false;
    try {
      checkpoint.openShards();
      opened = true;
      return checkpoint;
    } finally {
      if (!opened) {
        checkpoint.close();
      }
    }
  }

  private static Path requireLayout(Path directory) throws IOException {
    Checks.requireFormat(Files.exists(directory), "%s: no such directory", directory);
    Checks.requireFormat(
        Files.isDirectory(directory),
        "%s: a file (expected a checkpoint directory with config.json and safetensors)",
        directory);
    Path config = directory.resolve(CONFIG);
    if (!Files.isRegularFile(config)) {
      throw FormatException.of(
          "%s: no config.json (expected a checkpoint directory in the Hugging Face layout)%s",
          directory, hint(directory));
    }
    Links.requireInside(directory, config);
    return config;
  }

  /// The directory above the right one is the usual mistake.
  private static String hint(Path directory) throws IOException {
    try (Stream<Path> children = Files.list(directory)) {
      return children
          .filter(child -> Files.isRegularFile(child.resolve(CONFIG)))
          .sorted()
          .findFirst()
          .map(child -> ". Did you mean " + child + "?")
          .orElse("");
    }
  }

  private void openShards() throws IOException {
    Path index = directory.resolve(ShardIndex.FILE);
    if (Files.exists(index)) {
      Links.requireInside(directory, index);
      openIndexed(index);
    } else if (Files.exists(directory.resolve(SINGLE_FILE))) {
      openShard(SINGLE_FILE);
    } else {
      throw new FormatException(directory + ": " + noWeights());
    }
  }

  private String noWeights() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      boolean pickled = files.anyMatch(file -> isPickle(String.valueOf(file.getFileName())));
      return pickled
          ? "the weights are pickles (.bin or .pt), which can run code when loaded, so moepress does"
              + " not open them. Convert the checkpoint to safetensors first."
          : "no " + SINGLE_FILE + " and no " + ShardIndex.FILE;
    }
  }

  private static boolean isPickle(String name) {
    return name.endsWith(".bin") || name.endsWith(".pt") || name.endsWith(".pth");
  }

  /// A shard is opened when the index first names it, so that nothing has to be kept of the index.
  private void openIndexed(Path index) throws IOException {
    SortedMap<String, ListedShard> listed = new TreeMap<>();
    ShardIndex.read(
        index,
        (tensor, file) -> {
          ListedShard shard = listed.get(file);
          if (shard == null) {
            shard = new ListedShard(openShard(file));
            listed.put(file, shard);
          }
          shard.list(tensor);
        });
    shards.sort(Comparator.comparing(shard -> String.valueOf(shard.path().getFileName())));
    List<String> unlisted = listed.values().stream().flatMap(ListedShard::unlisted).toList();
    if (!unlisted.isEmpty()) {
      throw FormatException.of(
          "%s: %d tensors stand in the shards but not in the index, for instance %s",
          ShardIndex.FILE, unlisted.size(), Collections.min(unlisted));
    }
  }

  private SafetensorsFile openShard(String name) throws IOException {
    Path path = directory.resolve(name);
    Checks.requireFormat(
        Files.isRegularFile(path),
        "%s: the shard %s is missing. Copy or download it again.",
        directory,
        name);
    Links.requireInside(directory, path);
    SafetensorsFile shard = SafetensorsFile.open(path);
    shards.add(shard);
    for (Entry entry : shard.header().entries()) {
      TensorInfo info = entry.info();
      Checks.requireFormat(
          tensors.put(info.name(), info) == null,
          "%s: tensor %s stands in another shard too",
          name,
          info.name());
    }
    return shard;
  }

  /// The directory.
  public Path directory() {
    return directory;
  }

  /// The open weight files, in the order of their names.
  public List<SafetensorsFile> shards() {
    return Collections.unmodifiableList(shards);
  }

  /// The names of all files that are not weights: what a copy of the checkpoint must carry along,
  /// byte for byte.
  public List<Path> sideFiles() throws IOException {
    return SideFiles.list(directory);
  }

  @Override
  public String name() {
    return directory.toString();
  }

  @Override
  public ModelConfig config() {
    return config;
  }

  @Override
  public SortedMap<String, TensorInfo> tensors() {
    return Collections.unmodifiableSortedMap(tensors);
  }

  @Override
  public TensorData read(String tensor, Arena arena) throws IOException {
    return shard(tensor).read(tensor, arena);
  }

  @Override
  public TensorData readRows(String tensor, long first, long count, Arena arena)
      throws IOException {
    return shard(tensor).readRows(tensor, first, count, arena);
  }

  private SafetensorsFile shard(String tensor) {
    return shards.stream()
        .filter(shard -> shard.has(tensor))
        .findFirst()
        .orElseThrow(() -> FormatException.of("%s: no tensor %s", directory, tensor));
  }

  @Override
  public void close() throws IOException {
    for (SafetensorsFile shard : shards) {
      shard.close();
    }
  }
}
