package io.moepress.recipes.apply;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.checkpoint.ShardIndex;
import io.moepress.formats.checkpoint.StagedDirectory;
import io.moepress.formats.tensor.Mapped;
import io.moepress.recipes.ToolVersion;
import io.moepress.recipes.card.ModelCard;
import io.moepress.recipes.lowering.LoweredPlan;
import io.moepress.recipes.lowering.OutputTensor;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.work.DiskSpace;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/// Streams the new checkpoint to disk, tensor by tensor.
///
/// Each file is written header first; in memory is only a small piece of each tensor being moved.
/// Bytes that are only copied are never looked at as numbers. The output directory appears all at
/// once when it is complete, and its bytes depend on source and plan alone.
///
/// A run that was stopped leaves the files it had finished in `<output>.partial`; the next run of
/// the same plan checks their digests and goes on behind them.
public final class Applier {
  private static final long DIGEST_CHUNK = 1L << 20;

  /// The output has its own. The history of the source ends here: the manifest names its
  /// fingerprint, and the card has the source's card below.
  private static final Set<String> NOT_COPIED =
      Set.of(Manifest.FILE, ModelCard.FILE, Checksums.FILE);

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

  /// The manifest of an output that this plan has already been written to, completely, in the same
  /// files and with the same side files; nothing when there is none. What stands in the weights is
  /// for a verification to say.
  public Optional<Manifest> findWritten(Plan plan, LoweredPlan lowered, Output output)
      throws IOException {
    if (!Files.isRegularFile(output.directory().resolve(Manifest.FILE))) {
      return Optional.empty();
    }
    try {
      Manifest manifest = Manifest.read(output.directory());
      Sharding sharding = Sharding.of(lowered.tensors(), output.maxShardSize().bytes());
      return manifest.isOf(plan)
              && sharding.isIn(output.directory())
              && manifest.files().equals(sideFileDigests(lowered))
          ? Optional.of(manifest)
          : Optional.empty();
    } catch (FormatException e) {
      return Optional.empty(); // no manifest of ours
    }
  }

  private SortedMap<String, String> sideFileDigests(LoweredPlan lowered) throws IOException {
    SortedMap<String, String> digests = new TreeMap<>();
    digests.put(CheckpointDirectory.CONFIG, Fingerprint.ofText(lowered.config().text()));
    for (Path file : source.sideFiles()) {
      if (!NOT_COPIED.contains(file.toString())) {
        digests.put(
            file.toString(), Fingerprint.ofFile(source.directory().resolve(file.toString())));
      }
    }
    return digests;
  }

  /// Writes the checkpoint.
  ///
  /// @param plan the decisions, for the manifest
  /// @param lowered the same as tensor programs
  /// @throws FormatException when the output is in the way or the disk is too small
  public Manifest apply(Plan plan, LoweredPlan lowered, Output output) throws IOException {
    requireApart(output.directory());
    try (StagedDirectory stage = StagedDirectory.resume(output.directory(), output.overwrite());
        FinishedShards finished = new FinishedShards(stage.path(), plan.source(), workers)) {
      Sharding sharding = Sharding.of(lowered.tensors(), output.maxShardSize().bytes());
      SortedMap<String, Manifest.Tensor> tensors;
      SortedMap<String, String> files;
      try {
        tensors = writeWeights(lowered, sharding, finished, stage.path());
        files = writeSideFiles(lowered, stage.path());
        CardFile.write(CardFile.of(source, plan), stage.path());
      } catch (IOException e) {
        throw explained(e, stage.path());
      }
      ModelLayout layout = ModelLayout.of(lowered.config());
      Manifest manifest =
          new Manifest(
              Manifest.FORMAT_VERSION,
              ToolVersion.text(),
              plan.source(),
              plan.digest(),
              plan.evidence(),
              plan.target(),
              Manifest.experts(layout),
              Manifest.expertMap(layout),
              tensors,
              lowered.dropped(),
              files);
      manifest.write(stage.path());
      Checksums.write(stage.path(), workers);
      finished.complete();
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

  private SortedMap<String, Manifest.Tensor> writeWeights(
      LoweredPlan lowered, Sharding sharding, FinishedShards finished, Path directory)
      throws IOException {
    SortedMap<String, Manifest.Tensor> written = new TreeMap<>();
    Set<String> kept = findFinished(sharding, finished, written);
    long left = lowered.byteCount();
    for (int shard = 0; shard < sharding.shards().size(); shard++) {
      left -= kept.contains(sharding.fileName(shard)) ? sharding.byteCount(shard) : 0;
    }
    DiskSpace.require(directory, left);
    try (Progress.Task task = progress.begin("writing", left, "bytes")) {
      ShardWriter writer = new ShardWriter(source, workers, task);
      for (int shard = 0; shard < sharding.shards().size(); shard++) {
        String file = sharding.fileName(shard);
        if (!kept.contains(file)) {
          List<OutputTensor> tensors = sharding.shards().get(shard);
          SortedMap<String, Manifest.Tensor> shardTensors =
              writer.write(directory.resolve(file), tensors);
          finished.note(file, tensors, shardTensors);
          written.putAll(shardTensors);
        }
      }
    }
    if (sharding.shards().size() > 1) {
      Files.writeString(directory.resolve(ShardIndex.FILE), sharding.index().json());
    }
    return written;
  }

  /// The files that an earlier run finished; everything else it left behind is removed.
  private Set<String> findFinished(
      Sharding sharding, FinishedShards finished, SortedMap<String, Manifest.Tensor> written)
      throws IOException {
    Set<String> kept = new TreeSet<>();
    for (int shard = 0; shard < sharding.shards().size(); shard++) {
      String file = sharding.fileName(shard);
      finished
          .find(file, sharding.shards().get(shard))
          .ifPresent(tensors -> {
            kept.add(file);
            written.putAll(tensors);
          });
    }
    int removed = finished.keepOnly(kept);
    if (!kept.isEmpty()) {
      progress.note(
          Checks.text(
              "writing: %d of %d files were finished before and are as they were written: kept",
              kept.size(), sharding.shards().size()));
    }
    if (removed > 0) {
      progress.note(
          Checks.text(
              "writing: %d files of a run that was stopped are incomplete or of another plan:"
                  + " written anew",
              removed));
    }
    return kept;
  }

  /// What a full disk means for the work that is done.
  private static IOException explained(IOException failure, Path directory) throws IOException {
    if (Files.getFileStore(directory).getUsableSpace() > DIGEST_CHUNK) {
      return failure;
    }
    return new IOException(
        Checks.text(
            "%s: the disk is full. The files that are finished stay there: free some space and give"
                + " the same command again.",
            directory),
        failure);
  }

  /// The digest of a tensor's bytes, as it stands in a manifest.
  public static String digest(MemorySegment bytes) {
    MessageDigest digest = Fingerprint.sha256();
    for (long done = 0; done < bytes.byteSize(); done += DIGEST_CHUNK) {
      long length = Math.min(DIGEST_CHUNK, bytes.byteSize() - done);
      MemorySegment chunk = bytes.asSlice(done, length);
      digest.update(chunk.asByteBuffer());
      Mapped.rest(chunk);
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
      if (NOT_COPIED.contains(file.toString())) {
        continue;
      }
      Path target = directory.resolve(file.toString());
      Path folder = target.getParent();
      if (folder != null) {
        Files.createDirectories(folder);
      }
      Files.copy(source.directory().resolve(file), target, StandardCopyOption.REPLACE_EXISTING);
      digests.put(file.toString(), Fingerprint.ofFile(target));
    }
    return digests;
  }
}
