package io.moepress.recipes.verify;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.TensorData;
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
import java.util.Optional;
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
    Optional<Manifest> manifest =
        Files.isRegularFile(checkpoint.directory().resolve(Manifest.FILE))
            ? Optional.of(Manifest.read(checkpoint.directory()))
            : Optional.empty();
    if (manifest.isPresent()) {
      checks.add(tensorNames(checkpoint, manifest.get()));
      checks.add(fileDigests(checkpoint, manifest.get()));
    }
    checks.addAll(tensors(checkpoint, manifest));
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

  /// What reading a tensor showed.
  private record Reading(String digest, boolean finite) {}

  /// Reads every tensor once: are its numbers finite, and are its bytes those of the manifest?
  private List<Check> tensors(CheckpointDirectory checkpoint, Optional<Manifest> manifest)
      throws IOException {
    List<TensorInfo> tensors = List.copyOf(checkpoint.tensors().values());
    List<String> damaged = new ArrayList<>();
    List<String> notFinite = new ArrayList<>();
    try (Progress.Task task = progress.begin("verifying", checkpoint.byteCount(), "bytes")) {
      workers.ordered(
          tensors.size(),
          index -> {
            Reading reading = read(checkpoint, tensors.get(index).name());
            task.advance(tensors.get(index).byteCount());
            return reading;
          },
          (index, reading) -> {
            String name = tensors.get(index).name();
            if (!reading.finite()) {
              notFinite.add(name);
            }
            if (manifest.isPresent() && !isAsWritten(manifest.get(), name, reading)) {
              damaged.add(name);
            }
          });
    }
    List<Check> checks = new ArrayList<>();
    checks.add(check("finite weights", notFinite, "in all tensors", "not finite in "));
    if (manifest.isPresent()) {
      String changed = "changed since they were written: ";
      checks.add(check("tensor digests", damaged, "all bytes as written", changed));
    }
    return checks;
  }

  private static Check check(String name, List<String> faults, String sound, String faulty) {
    return new Check(name, faults.isEmpty(), faults.isEmpty() ? sound : faulty + faults);
  }

  private static boolean isAsWritten(Manifest manifest, String name, Reading reading) {
    Manifest.Tensor expected = manifest.tensors().get(name);
    return expected == null || expected.sha256().equals(reading.digest());
  }

  private static Reading read(CheckpointDirectory checkpoint, String tensor) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      TensorData data = checkpoint.read(tensor, arena);
      return new Reading(Applier.digest(data.bytes()), Numbers.areFinite(data));
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
