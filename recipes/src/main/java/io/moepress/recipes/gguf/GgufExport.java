package io.moepress.recipes.gguf;

import io.moepress.formats.FormatException;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.StagedFile;
import io.moepress.formats.gguf.GgufTensor;
import io.moepress.formats.gguf.GgufType;
import io.moepress.formats.gguf.GgufWriter;
import io.moepress.formats.gguf.Piece;
import io.moepress.formats.gguf.PieceEncoder;
import io.moepress.recipes.work.DiskSpace;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Streams a GGUF file: pieces of tensors are read and encoded in parallel and written in order, so
/// that memory holds one piece for each worker and one more. The bytes of the file do not depend on
/// the number of workers.
public final class GgufExport {
  private final GgufPlan plan;
  private final Workers workers;
  private final Progress progress;

  /// A piece on its way into the file.
  private record Job(String tensor, GgufType type, Piece piece) {}

  /// Prepares the writing of `plan`.
  public GgufExport(GgufPlan plan, Workers workers, Progress progress) {
    this.plan = plan;
    this.workers = workers;
    this.progress = progress;
  }

  /// Writes the file, which appears when it is complete.
  ///
  /// @return `sha256:` and the digest of the file
  /// @throws FormatException when `output` is in the way, or a weight cannot be written
  public String write(Path output, boolean overwrite) throws IOException {
    try (StagedFile staged = StagedFile.create(output, overwrite)) {
      DiskSpace.require(staged.directory(), plan.byteCount());
      String digest;
      try (GgufWriter writer = GgufWriter.create(staged.path(), plan.header());
          Progress.Task task = progress.begin("write", plan.byteCount(), "bytes")) {
        List<Job> jobs = jobs();
        Checkpoint source = plan.model().checkpoint();
        workers.ordered(
            jobs.size(),
            index -> encode(source, jobs.get(index)),
            (index, bytes) -> {
              writer.append(jobs.get(index).tensor(), MemorySegment.ofArray(bytes));
              task.advance(bytes.length);
            });
        digest = writer.finish();
      }
      staged.commit();
      return digest;
    }
  }

  private List<Job> jobs() {
    List<Job> jobs = new ArrayList<>();
    for (int i = 0; i < plan.tensors().size(); i++) {
      GgufTensor tensor = plan.tensors().get(i);
      GgufType type = plan.header().entries().get(i).info().type();
      tensor.pieces().forEach(piece -> jobs.add(new Job(tensor.name(), type, piece)));
    }
    return jobs;
  }

  private static byte[] encode(Checkpoint source, Job job) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      return PieceEncoder.encode(job.piece().read(source, arena), job.type());
    }
  }
}
