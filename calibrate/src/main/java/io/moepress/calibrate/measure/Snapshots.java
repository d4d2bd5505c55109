package io.moepress.calibrate.measure;

import io.moepress.calibrate.forward.Continuity;
import io.moepress.calibrate.forward.HiddenStates;
import io.moepress.formats.FormatException;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.checkpoint.StagedDirectory;
import io.moepress.formats.json.Json;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceFile;
import io.moepress.recipes.work.Progress;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// Lets a calibration go on where it was stopped. Behind a layer it keeps, in a directory that
/// appears all at once,
///
/// * `hidden.f32`: the residual stream, float32 `[tokens, hidden]`, row-major;
/// * `evidence`: that of the layers that are finished;
/// * `snapshot.json`: of which layer, and what it all was made from.
///
/// A snapshot costs time. One is taken behind the first layer, and then whenever the work since the
/// last one took [#WORK_PER_COST] times as long as that one cost, so that a run becomes at most a
/// tenth slower and loses little.
final class Snapshots implements Continuity {
  private static final int FORMAT_VERSION = 1;
  private static final String HEAD = "snapshot.json";
  private static final String HIDDEN = "hidden.f32";
  private static final String EVIDENCE = "evidence";

  /// Time to work for each unit of time to keep it.
  private static final int WORK_PER_COST = 10;

  private final Path directory;
  private final Subject subject;
  private final EvidenceCollector collector;
  private final Progress progress;
  private long lastTaken = System.nanoTime();
  private long lastCost;

  /// What is measured.
  ///
  /// @param inputs digest of everything the result depends on
  /// @param layers number of layers of the model
  /// @param empty the evidence, without layers
  record Subject(String inputs, int layers, Evidence empty) {}

  /// The contents of `snapshot.json`.
  ///
  /// @param inputs digest of what it was made from
  /// @param layers number of layers that are finished
  /// @param hidden digest of `hidden.f32`
  record Head(int formatVersion, String inputs, int layers, String hidden) {}

  /// Keeps snapshots in a directory.
  Snapshots(Path directory, Subject subject, EvidenceCollector collector, Progress progress) {
    this.directory = directory;
    this.subject = subject;
    this.collector = collector;
    this.progress = progress;
  }

  @Override
  public int restore(HiddenStates hidden) throws IOException {
    if (!Files.isRegularFile(directory.resolve(HEAD))) {
      return 0;
    }
    try {
      Head head = Json.read(directory.resolve(HEAD), Head.class);
      if (head.formatVersion() == FORMAT_VERSION && head.inputs().equals(subject.inputs())) {
        return restore(head, hidden);
      }
      progress.note(
          "calibrating: what a run that was stopped had measured is of another model, other texts"
              + " or other statistics: begins anew");
    } catch (FormatException e) {
      progress.note("calibrating: " + e.getMessage() + " Begins anew.");
    }
    return 0;
  }

  private int restore(Head head, HiddenStates hidden) throws IOException {
    Path file = directory.resolve(HIDDEN);
    String digest = Fingerprint.ofFile(file);
    if (!digest.equals(head.hidden())) {
      throw FormatException.of("%s: digest %s (expected %s).", file, digest, head.hidden());
    }
    collector.restore(EvidenceFile.read(directory.resolve(EVIDENCE)));
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      hidden.readFrom(channel);
    }
    return head.layers();
  }

  @Override
  public void finished(int layers, HiddenStates hidden) throws IOException {
    long worked = System.nanoTime() - lastTaken;
    if (layers < subject.layers() && worked >= WORK_PER_COST * lastCost) {
      long start = System.nanoTime();
      take(layers, hidden);
      lastTaken = System.nanoTime();
      lastCost = lastTaken - start;
    }
  }

  private void take(int layers, HiddenStates hidden) throws IOException {
    try (StagedDirectory stage = StagedDirectory.create(directory, true)) {
      Path file = stage.path().resolve(HIDDEN);
      try (FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        hidden.writeTo(channel);
      }
      EvidenceFile.write(collector.filled(subject.empty()), stage.path().resolve(EVIDENCE));
      Json.write(
          stage.path().resolve(HEAD),
          new Head(FORMAT_VERSION, subject.inputs(), layers, Fingerprint.ofFile(file)));
      stage.commit();
    }
  }
}
