package io.moepress.recipes.verify;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.ExpertCounts;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.lowprecision.StoredTensors;
import io.moepress.formats.tensor.Mapped;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.apply.Applier;
import io.moepress.recipes.apply.Manifest;
import io.moepress.recipes.target.Candidate;
import io.moepress.recipes.target.Finding;
import io.moepress.recipes.target.Severity;
import io.moepress.recipes.target.Target;
import io.moepress.recipes.target.TargetRules;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// Reads a checkpoint back and compares it with what its configuration and its manifest promise.
public final class Verifier {
  private static final long CHUNK = 8L << 20;

  private final Workers workers;
  private final Progress progress;

  /// Prepares a verification.
  public Verifier(Workers workers, Progress progress) {
    this.workers = workers;
    this.progress = progress;
  }

  /// One thing that was checked.
  ///
  /// @param name what was checked: the id of a rule, or a few words
  /// @param passed whether it holds, or does so well enough to load
  /// @param detail what was seen
  /// @param findings what rules of runtimes have to say; warnings and notes where the check passed
  public record Check(String name, boolean passed, String detail, List<Finding> findings) {
    public Check {
      findings = List.copyOf(findings);
    }

    /// A check that no rule of a runtime speaks of.
    public Check(String name, boolean passed, String detail) {
      this(name, passed, detail, List.of());
    }

    static Check of(TargetRules.Judgement judgement) {
      List<Finding> findings = judgement.findings();
      return new Check(
          judgement.rule(),
          findings.stream().noneMatch(Finding::refusal),
          findings.isEmpty()
              ? judgement.holds().replace("`", "")
              : String.join("; ", findings.stream().map(Finding::problem).toList()),
          findings);
    }

    /// `ok`, `note`, `warning` or `FAILED`.
    public String outcome() {
      return passed
          ? findings.stream()
              .map(Finding::severity)
              .min(Comparator.naturalOrder())
              .map(Severity::label)
              .orElse("ok")
          : "FAILED";
    }
  }

  /// Checks everything that needs no forward pass. A checkpoint that cannot be opened at all, or
  /// whose configuration lacks a dimension, is an exception, not a failed check.
  ///
  /// @param target the runtime whose rules are asked; null: only those that hold for all
  public List<Check> verify(CheckpointDirectory checkpoint, @Nullable Target target)
      throws IOException {
    Candidate candidate = Candidate.stored(checkpoint);
    List<Check> checks = new ArrayList<>();
    (target == null ? TargetRules.judge(candidate) : TargetRules.judge(target, candidate))
        .forEach(judgement -> checks.add(Check.of(judgement)));
    if (checks.stream().allMatch(Check::passed)) {
      checks.add(structure(checkpoint));
    }
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

  /// Whether moepress itself reads the checkpoint, which asks for more than some runtimes do.
  private static Check structure(CheckpointDirectory checkpoint) {
    try {
      ModelLayout layout = MoeModel.of(checkpoint).layout();
      return new Check(
          "structure",
          true,
          Checks.text(
              "%d tensors in %d files; %s experts in each of %d MoE layers, %d for each token",
              checkpoint.tensors().size(),
              checkpoint.shards().size(),
              ExpertCounts.text(layout.distinctExperts()),
              layout.moeLayers().size(),
              layout.topK()));
    } catch (FormatException e) {
      return new Check("structure", false, String.valueOf(e.getMessage()));
    }
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
  ///
  /// @param finite whether all numbers are
  /// @param sound whether it is what it has to be beside the other parts of a tensor
  private record Reading(String digest, boolean finite, boolean sound) {}

  /// Reads every tensor once: are its numbers finite, and are its bytes those of the manifest?
  private List<Check> tensors(CheckpointDirectory checkpoint, Optional<Manifest> manifest)
      throws IOException {
    List<TensorInfo> tensors = List.copyOf(checkpoint.tensors().values());
    StoredTensors stored = StoredTensors.lenient(checkpoint);
    List<String> unsound = new ArrayList<>();
    List<String> damaged = new ArrayList<>();
    List<String> notFinite = new ArrayList<>();
    try (Progress.Task task = progress.begin("verifying", checkpoint.byteCount(), "bytes")) {
      workers.ordered(
          tensors.size(),
          index -> {
            Reading reading = read(checkpoint, stored, tensors.get(index).name());
            task.advance(tensors.get(index).byteCount());
            return reading;
          },
          (index, reading) -> {
            String name = tensors.get(index).name();
            if (!reading.finite()) {
              notFinite.add(name);
            }
            if (!reading.sound()) {
              unsound.add(name);
            }
            if (manifest.isPresent() && !isAsWritten(manifest.get(), name, reading)) {
              damaged.add(name);
            }
          });
    }
    List<Check> checks = new ArrayList<>();
    checks.add(check("finite weights", notFinite, "in all tensors", "not finite in "));
    if (!stored.encoded().isEmpty()) {
      String wrong =
          "a scale of 0, or other shapes, groups or zero points than the scheme has, in ";
      checks.add(check("codes and scales", unsound, "fit each other", wrong));
    }
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

  private static Reading read(CheckpointDirectory checkpoint, StoredTensors stored, String tensor)
      throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      TensorData data = checkpoint.read(tensor, arena);
      List<Long> dimensions = data.info().shape().dimensions();
      return dimensions.isEmpty() || data.bytes().byteSize() == 0
          ? new Reading(Applier.digest(data.bytes()), isFinite(stored, data), stored.isSound(data))
          : readByRows(stored, data, dimensions.getFirst());
    }
  }

  private static boolean isFinite(StoredTensors stored, TensorData data) {
    return Numbers.areFinite(data) && stored.isFinite(data);
  }

  /// Some rows at a time, which then leave memory: a tensor may hold all experts of a layer.
  private static Reading readByRows(StoredTensors stored, TensorData data, long rows) {
    MessageDigest digest = Fingerprint.sha256();
    boolean finite = true;
    boolean sound = true;
    long step = Math.max(1, CHUNK / data.info().bytesPerRow());
    for (long first = 0; first < rows; first += step) {
      TensorData part = data.rows(first, Math.min(step, rows - first));
      digest.update(part.bytes().asByteBuffer());
      finite = finite && isFinite(stored, part);
      sound = sound && stored.isSound(part);
      Mapped.rest(part.bytes());
    }
    return new Reading(Fingerprint.format(digest), finite, sound);
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
