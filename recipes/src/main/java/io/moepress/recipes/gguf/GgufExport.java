package io.moepress.recipes.gguf;

import io.moepress.formats.FormatException;
import io.moepress.formats.checkpoint.StagedFile;
import io.moepress.formats.gguf.GgufTensor;
import io.moepress.formats.gguf.GgufType;
import io.moepress.formats.gguf.GgufTypes;
import io.moepress.formats.gguf.GgufWriter;
import io.moepress.formats.gguf.ImportanceFile;
import io.moepress.formats.gguf.Piece;
import io.moepress.formats.gguf.PieceEncoder;
import io.moepress.recipes.work.DiskSpace;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Streams a GGUF file: pieces of tensors are read and encoded in parallel and written in order, so
/// that memory holds one piece for each worker and one more. The bytes of the file do not depend on
/// the number of workers.
///
/// Of a source that has a name a stopped run leaves what it wrote, as `<output>.partial`, and the
/// next one goes on behind the last tensor that is finished.
public final class GgufExport {
  private final GgufPlan plan;
  private final @Nullable ImportanceFile importance;
  private final Workers workers;
  private final Progress progress;

  /// A piece on its way into the file.
  ///
  /// @param matrix index of the matrix of the tensor that it belongs to
  private record Job(GgufTensor tensor, GgufType type, Piece piece, long matrix) {}

  /// Prepares the writing of `plan`.
  ///
  /// @param importance how much errors in each column count; null: all alike
  public GgufExport(
      GgufPlan plan, @Nullable ImportanceFile importance, Workers workers, Progress progress) {
    this.plan = plan;
    this.importance = importance;
    this.workers = workers;
    this.progress = progress;
  }

  /// What was written.
  ///
  /// @param digest `sha256:` and the digest of the file
  /// @param finishedBefore tensors that a stopped run had finished
  /// @param discarded whether a stopped run had left something that was of no use
  public record Written(String digest, int finishedBefore, boolean discarded) {}

  /// Writes the file, which appears when it is complete.
  ///
  /// @param source names the weights and their importance, such as their fingerprints; null: a
  ///   stopped run leaves nothing
  /// @throws FormatException when `output` is in the way, or a weight cannot be written
  public Written write(Path output, boolean overwrite, @Nullable String source) throws IOException {
    try (StagedFile staged = StagedFile.create(output, overwrite)) {
      FinishedTensors finished = new FinishedTensors(staged.path(), source);
      try {
        boolean left = Files.isRegularFile(staged.path());
        List<Long> known = known(staged, finished);
        long there = known.isEmpty() ? 0 : Files.size(staged.path());
        DiskSpace.require(staged.directory(), plan.byteCount() - there);
        Written written = write(staged, finished, known);
        staged.commit();
        finished.clear();
        boolean discarded = left && written.finishedBefore() == 0;
        return new Written(written.digest(), written.finishedBefore(), discarded);
      } finally {
        staged.keep(finished.isNoted()); // a full disk and an output in the way can be mended
      }
    }
  }

  /// The checksums of the tensors that a stopped run has finished.
  private static List<Long> known(StagedFile staged, FinishedTensors finished) throws IOException {
    List<Long> known = finished.read();
    if (known.isEmpty()) {
      finished.clear();
      Files.deleteIfExists(staged.path());
    }
    return known;
  }

  private Written write(StagedFile staged, FinishedTensors finished, List<Long> known)
      throws IOException {
    try (GgufWriter writer = GgufWriter.resume(staged.path(), plan.header(), known);
        Progress.Task task = progress.begin("write", plan.byteCount(), "bytes")) {
      int before = writer.checksums().size();
      task.advance(before == 0 ? 0 : plan.header().entries().get(before - 1).end());
      List<Job> jobs = jobs(before);
      workers.ordered(
          jobs.size(),
          index -> encode(jobs.get(index)),
          (index, bytes) -> {
            int done = writer.checksums().size();
            writer.append(jobs.get(index).tensor().name(), MemorySegment.ofArray(bytes));
            if (writer.checksums().size() > done) {
              finished.note(writer.checksums());
            }
            task.advance(bytes.length);
          });
      return new Written(writer.finish(), before, false);
    } catch (FormatException e) {
      finished.clear(); // a weight that cannot be written: another run would come no further
      throw e;
    }
  }

  private List<Job> jobs(int first) {
    List<Job> jobs = new ArrayList<>();
    for (int i = first; i < plan.tensors().size(); i++) {
      GgufTensor tensor = plan.tensors().get(i);
      GgufType type = plan.header().entries().get(i).info().type();
      int rank = tensor.shape().rank();
      long matrixRows = rank > 2 ? tensor.shape().dimension(rank - 2) : Long.MAX_VALUE;
      long row = 0;
      for (Piece piece : tensor.pieces()) {
        jobs.add(new Job(tensor, type, piece, row / matrixRows));
        row += piece.rows();
      }
    }
    return jobs;
  }

  private byte[] encode(Job job) throws IOException {
    return PieceEncoder.encode(plan.model(), job.piece(), job.type(), columns(job));
  }

  private float @Nullable [] columns(Job job) throws IOException {
    return importance == null || !GgufTypes.takesType(job.tensor())
        ? null
        : importance.columns(job.tensor(), job.matrix()).orElse(null);
  }
}
