package io.moepress.recipes.apply;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.checkpoint.ShardIndex;
import io.moepress.formats.checkpoint.StagedDirectory;
import io.moepress.formats.safetensors.SafetensorsWriter;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.ToolVersion;
import io.moepress.recipes.lowering.LoweredPlan;
import io.moepress.recipes.lowering.OutputTensor;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;

/// Streams the new checkpoint to disk, tensor by tensor.
///
/// Each file is written header first. In memory are only the tensors being moved, one for each
/// worker; bytes that are only copied are never looked at as numbers. The output directory appears
/// all at once when it is complete. Its bytes depend on source and plan alone.
public final class Applier {
  private static final long DIGEST_CHUNK = 1L << 20;
  private static final Map<String, String> METADATA = Map.of("format", "pt");

  private final CheckpointDirectory source;
  private final Workers workers;
  private final Progress progress;

  /// Prepares to write what becomes of `source`.
  public Applier(CheckpointDirectory source, Workers workers, Progress progress) {
    this.source = source;
    this.workers = workers;
    this.progress = progress;
  }

  /// Where and how to write.
  ///
  /// @param directory the new directory
  /// @param overwrite whether it may replace one that is there
  /// @param maxShardSize limit for one file of weights
  public record Output(Path directory, boolean overwrite, ByteSize maxShardSize) {}

  /// Writes the checkpoint.
  ///
  /// @param plan the decisions, for the manifest
  /// @param lowered the same as tensor programs
  /// @throws FormatException when the output is in the way or the disk is too small
  public Manifest apply(Plan plan, LoweredPlan lowered, Output output) throws IOException {
    requireApart(output.directory());
    try (StagedDirectory stage = StagedDirectory.create(output.directory(), output.overwrite())) {
      requireSpace(stage.path(), lowered.byteCount());
      SortedMap<String, Manifest.Tensor> tensors =
          writeWeights(lowered, Sharding.of(lowered.tensors(), limit(output)), stage.path());
      SortedMap<String, String> files = writeSideFiles(lowered, stage.path());
      Manifest manifest =
          new Manifest(
              Manifest.FORMAT_VERSION,
              ToolVersion.text(),
              plan.checkpoint(),
              plan.digest(),
              plan.evidence(),
              plan.target(),
              tensors,
              lowered.dropped(),
              files);
      manifest.write(stage.path());
      stage.commit();
      return manifest;
    }
  }

  /// Replacing the output must not delete the source.
  private void requireApart(Path output) throws IOException {
    Path absolute = output.toAbsolutePath().normalize();
    Path to = Files.exists(absolute) ? absolute.toRealPath() : absolute;
    Checks.requireFormat(
        !source.directory().toRealPath().startsWith(to),
        "%s: the output would replace the source, %s. Choose another directory.",
        output,
        source.directory());
  }

  private static long limit(Output output) {
    return output.maxShardSize().bytes();
  }

  private static void requireSpace(Path directory, long bytes) throws IOException {
    long free = Files.getFileStore(directory).getUsableSpace();
    if (free < bytes) {
      throw FormatException.of(
          "%s: the disk has %s free (expected %s for the output). Free some space, or choose another"
              + " disk.",
          directory, new ByteSize(free).rounded(), new ByteSize(bytes).rounded());
    }
  }

  private SortedMap<String, Manifest.Tensor> writeWeights(
      LoweredPlan lowered, Sharding sharding, Path directory) throws IOException {
    SortedMap<String, Manifest.Tensor> written = new ConcurrentSkipListMap<>();
    try (Progress.Task task = progress.begin("writing", lowered.byteCount(), "bytes")) {
      for (int shard = 0; shard < sharding.shards().size(); shard++) {
        Path file = directory.resolve(sharding.fileName(shard));
        writeShard(file, sharding.shards().get(shard), written, task);
      }
    }
    if (sharding.shards().size() > 1) {
      Files.writeString(directory.resolve(ShardIndex.FILE), sharding.index().json());
    }
    return written;
  }

  private void writeShard(
      Path file,
      List<OutputTensor> tensors,
      SortedMap<String, Manifest.Tensor> written,
      Progress.Task task)
      throws IOException {
    List<TensorInfo> infos = tensors.stream().map(OutputTensor::info).toList();
    try (SafetensorsWriter writer = SafetensorsWriter.create(file, infos, METADATA)) {
      workers.forEach(
          tensors.size(),
          index -> {
            OutputTensor tensor = tensors.get(index);
            written.put(tensor.info().name(), writeTensor(writer, tensor));
            task.advance(tensor.info().byteCount());
          });
      writer.finish();
    }
  }

  private Manifest.Tensor writeTensor(SafetensorsWriter writer, OutputTensor tensor)
      throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = ProgramRunner.run(source, tensor, arena).bytes();
      writer.write(tensor.info().name(), bytes);
      return new Manifest.Tensor(
          String.join(" ", tensor.program().sources()), tensor.program().summary(), digest(bytes));
    }
  }

  /// The digest of a tensor's bytes, as it stands in a manifest.
  public static String digest(MemorySegment bytes) {
    MessageDigest digest = Fingerprint.sha256();
    for (long done = 0; done < bytes.byteSize(); done += DIGEST_CHUNK) {
      long length = Math.min(DIGEST_CHUNK, bytes.byteSize() - done);
      digest.update(bytes.asSlice(done, length).asByteBuffer());
    }
    return Fingerprint.format(digest);
  }

  private SortedMap<String, String> writeSideFiles(LoweredPlan lowered, Path directory)
      throws IOException {
    SortedMap<String, String> digests = new TreeMap<>();
    Path config = directory.resolve(CheckpointDirectory.CONFIG);
    Files.write(config, lowered.config().text().getBytes(StandardCharsets.UTF_8));
    digests.put(CheckpointDirectory.CONFIG, Fingerprint.ofFile(config));
    for (Path file : source.sideFiles()) {
      if (file.toString().equals(Manifest.FILE)) {
        continue; // the history of the source ends here; this manifest names its fingerprint
      }
      Path target = directory.resolve(file.toString());
      Path folder = target.getParent();
      if (folder != null) {
        Files.createDirectories(folder);
      }
      Files.copy(source.directory().resolve(file), target);
      digests.put(file.toString(), Fingerprint.ofFile(target));
    }
    return digests;
  }
}
