package io.moepress.recipes.verify;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.apply.Applier;
import io.moepress.recipes.apply.Manifest;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/// Reads a checkpoint back and compares it with what its configuration and its manifest promise.
public final class Verifier {
  private final Workers workers;
  private final Progress progress;

  /// Prepares a verification.
  public Verifier(Workers workers, Progress progress) {
    this.workers = workers;
    this.progress = progress;
  }

  /// One thing that was checked.
  ///
  /// @param name what was checked
  /// @param passed whether it holds
  /// @param detail what was seen
  public record Check(String name, boolean passed, String detail) {}

  /// Checks everything that needs no forward pass. A checkpoint that cannot be opened at all is an
  /// exception, not a failed check.
  public List<Check> verify(CheckpointDirectory checkpoint) throws IOException {
    List<Check> checks = new ArrayList<>();
    MoeModel model = MoeModel.of(checkpoint);
    checks.add(
        new Check(
            "structure",
            true,
            Checks.text(
                "%d tensors in %d files, each with one role and the shape config.json says",
                checkpoint.tensors().size(), checkpoint.shards().size())));
    checks.add(
        new Check(
            "experts",
            true,
            Checks.text(
                "%d in each of %d MoE layers, numbered from 0, %d for each token",
                model.layout().experts(),
                model.layout().moeLayers().size(),
                model.layout().topK())));
    if (Files.isRegularFile(checkpoint.directory().resolve(Manifest.FILE))) {
      Manifest manifest = Manifest.read(checkpoint.directory());
      checks.add(tensorNames(checkpoint, manifest));
      checks.add(tensorDigests(checkpoint, manifest));
      checks.add(fileDigests(checkpoint, manifest));
    }
    return checks;
  }

  private static Check tensorNames(CheckpointDirectory checkpoint, Manifest manifest) {
    Set<String> differing = new TreeSet<>(checkpoint.tensors().keySet());
    differing.removeAll(manifest.tensors().keySet());
    manifest.tensors().keySet().stream()
        .filter(name -> !checkpoint.tensors().containsKey(name))
        .forEach(differing::add);
    return new Check(
        "manifest",
        differing.isEmpty(),
        differing.isEmpty()
            ? Checks.text(
                "accounts for all %d tensors and lists %d dropped ones",
                manifest.tensors().size(), manifest.dropped().size())
            : "does not fit the tensors: " + differing);
  }

  private Check tensorDigests(CheckpointDirectory checkpoint, Manifest manifest)
      throws IOException {
    List<TensorInfo> tensors = List.copyOf(checkpoint.tensors().values());
    List<String> damaged = new ArrayList<>();
    try (Progress.Task task = progress.begin("verifying", checkpoint.byteCount(), "bytes")) {
      workers.ordered(
          tensors.size(),
          index -> {
            String digest = digest(checkpoint, tensors.get(index).name());
            task.advance(tensors.get(index).byteCount());
            return digest;
          },
          (index, digest) -> {
            String name = tensors.get(index).name();
            Manifest.Tensor expected = manifest.tensors().get(name);
            if (expected != null && !expected.sha256().equals(digest)) {
              damaged.add(name);
            }
          });
    }
    return new Check(
        "tensor digests",
        damaged.isEmpty(),
        damaged.isEmpty() ? "all bytes as written" : "changed since they were written: " + damaged);
  }

  private static String digest(CheckpointDirectory checkpoint, String tensor) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      return Applier.digest(checkpoint.read(tensor, arena).bytes());
    }
  }

  /// Opens only what the directory itself lists: a manifest may come from a stranger and name any
  /// file of the machine.
  private static Check fileDigests(CheckpointDirectory checkpoint, Manifest manifest)
      throws IOException {
    Set<String> present = new HashSet<>(Set.of(CheckpointDirectory.CONFIG));
    checkpoint.sideFiles().forEach(file -> present.add(file.toString()));
    List<String> differing = new ArrayList<>();
    for (Map.Entry<String, String> file : manifest.files().entrySet()) {
      String name = file.getKey();
      if (!present.contains(name)
          || !Fingerprint.ofFile(checkpoint.directory().resolve(name)).equals(file.getValue())) {
        differing.add(name);
      }
    }
    return new Check(
        "side files",
        differing.isEmpty(),
        differing.isEmpty()
            ? Checks.text("%d as written", manifest.files().size())
            : "missing or changed: " + differing);
  }
}
