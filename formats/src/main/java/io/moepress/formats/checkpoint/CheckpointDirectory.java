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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
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

  private final Path directory;
  private final ModelConfig config;
  private final List<SafetensorsFile> shards = new ArrayList<>();
  private final Map<String, SafetensorsFile> shardOf = new HashMap<>();
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
    ModelConfig config = ModelConfig.parse(Json.text(file));
    if (architecture != null) {
      Checks.requireFormat(
          Files.isRegularFile(architecture),
          "%s: no such file (expected an architecture)",
          architecture);
      config = config.describedBy(new Supplied(Json.object(architecture), architecture.toString()));
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
      openIndexed(ShardIndex.readFiles(index));
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

  private void openIndexed(SortedMap<String, String> files) throws IOException {
    for (String file : new TreeSet<>(files.values())) {
      openShard(file);
    }
    Map<SafetensorsFile, String> names = new HashMap<>();
    shards.forEach(shard -> names.put(shard, String.valueOf(shard.path().getFileName())));
    for (Map.Entry<String, String> entry : files.entrySet()) {
      Checks.requireFormat(
          entry.getValue().equals(names.get(shardOf.get(entry.getKey()))),
          "%s: tensor %s should stand in %s, but does not",
          ShardIndex.FILE,
          entry.getKey(),
          entry.getValue());
    }
    if (files.size() == tensors.size()) {
      return; // all of the index stand in shards, so all in shards stand in the index
    }
    Set<String> unseen = new TreeSet<>(tensors.keySet());
    unseen.removeAll(files.keySet());
    throw FormatException.of(
        "%s: %d tensors stand in the shards but not in the index, for instance %s",
        ShardIndex.FILE, unseen.size(), unseen.iterator().next());
  }

  private void openShard(String name) throws IOException {
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
      String tensor = entry.info().name();
      SafetensorsFile other = shardOf.put(tensor, shard);
      Checks.requireFormat(
          other == null, "%s: tensor %s stands in another shard too", name, tensor);
      tensors.put(tensor, entry.info());
    }
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
    SafetensorsFile shard = shardOf.get(tensor);
    if (shard == null) {
      throw FormatException.of("%s: no tensor %s", directory, tensor);
    }
    return shard;
  }

  @Override
  public void close() throws IOException {
    for (SafetensorsFile shard : shards) {
      shard.close();
    }
  }
}
