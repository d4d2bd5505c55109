package io.moepress.recipes.apply;

import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.safetensors.SafetensorsWriter;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.lowering.OutputTensor;
import io.moepress.recipes.lowering.TensorProgram.Quantized;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.concurrent.ConcurrentSkipListMap;

/// Writes one file of weights, several tensors at a time.
///
/// @param source where the bytes come from
/// @param workers a pool
/// @param task counts the bytes
record ShardWriter(Checkpoint source, Workers workers, Progress.Task task) {
  /// What transformers wants to read in every file.
  static final Map<String, String> METADATA = Map.of("format", "pt");

  /// Writes the file; its bytes are on the disk afterwards.
  ///
  /// @return what became of what, by name in the file
  SortedMap<String, Manifest.Tensor> write(Path file, List<OutputTensor> tensors)
      throws IOException {
    SortedMap<String, Manifest.Tensor> written = new ConcurrentSkipListMap<>();
    List<TensorInfo> infos = tensors.stream().map(OutputTensor::info).toList();
    ProgramRunner runner = new ProgramRunner(source);
    try (SafetensorsWriter writer = SafetensorsWriter.create(file, infos, METADATA)) {
      List<List<OutputTensor>> jobs = jobs(tensors);
      workers.forEach(
          jobs.size(),
          index -> {
            try (LatestMatrix matrix = new LatestMatrix()) {
              ProgramRunner own = runner.keeping(matrix);
              for (OutputTensor tensor : jobs.get(index)) {
                written.put(tensor.info().name(), write(writer, own, tensor));
              }
            }
          });
      writer.finish();
    }
    return written;
  }

  /// Tensors that belong to one matrix of integers are one job, all others one each.
  private static List<List<OutputTensor>> jobs(List<OutputTensor> tensors) {
    List<List<OutputTensor>> jobs = new ArrayList<>();
    for (OutputTensor tensor : tensors) {
      if (!jobs.isEmpty() && isOfOneMatrix(jobs.getLast().getLast(), tensor)) {
        jobs.getLast().add(tensor);
      } else {
        jobs.add(new ArrayList<>(List.of(tensor)));
      }
    }
    return jobs;
  }

  private static boolean isOfOneMatrix(OutputTensor first, OutputTensor second) {
    return first.program() instanceof Quantized one
        && second.program() instanceof Quantized other
        && one.whole().equals(other.whole());
  }

  private Manifest.Tensor write(SafetensorsWriter writer, ProgramRunner runner, OutputTensor tensor)
      throws IOException {
    MessageDigest digest = Fingerprint.sha256();
    runner.stream(
        tensor,
        bytes -> {
          // The digest first: it brings mapped pages into memory one after the other. A write that
          // had to wait for each of them took two to five times as long.
          digest.update(bytes.asByteBuffer());
          writer.append(tensor.info().name(), bytes);
          task.advance(bytes.byteSize());
        });
    return new Manifest.Tensor(
        String.join(" ", tensor.program().sources()),
        tensor.program().summary(),
        Fingerprint.format(digest));
  }
}
