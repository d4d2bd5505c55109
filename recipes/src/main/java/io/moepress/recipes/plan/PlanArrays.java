package io.moepress.recipes.plan;

import io.moepress.formats.FormatException;
import io.moepress.formats.safetensors.SafetensorsFile;
import io.moepress.formats.safetensors.SafetensorsWriter;
import io.moepress.formats.tensor.TensorInfo;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Collection;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/// The file of arrays beside a plan: `plan.arrays.safetensors` beside `plan.json`. Its tensors are
/// named by the digests of their bytes.
///
/// @param file the file; it is there only if the plan names arrays
record PlanArrays(Path file) implements PlanArray.Source {
  /// No file of a checkpoint is called so.
  private static final String SUFFIX = ".arrays.safetensors";

  /// The file of arrays of a plan file.
  static PlanArrays beside(Path plan) {
    String name = String.valueOf(plan.getFileName());
    String stem = name.endsWith(".json") ? name.substring(0, name.length() - 5) : name;
    return new PlanArrays(plan.resolveSibling(stem + SUFFIX));
  }

  /// Writes arrays, or removes the file when there are none. It appears, or changes, all at once.
  void write(Collection<PlanArray> arrays) throws IOException {
    if (arrays.isEmpty()) {
      Files.deleteIfExists(file);
      return;
    }
    SortedMap<String, PlanArray> distinct = new TreeMap<>();
    arrays.forEach(array -> distinct.put(array.info().name(), array));
    Path stage = file.resolveSibling(file.getFileName() + ".partial");
    Files.deleteIfExists(stage); // of a run that was stopped
    try {
      write(stage, distinct.values());
      Files.move(stage, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(stage);
    }
  }

  private static void write(Path stage, Collection<PlanArray> arrays) throws IOException {
    try (SafetensorsWriter writer =
        SafetensorsWriter.create(stage, arrays.stream().map(PlanArray::info).toList(), Map.of())) {
      for (PlanArray array : arrays) {
        writer.write(array.info().name(), MemorySegment.ofArray(array.bytes()));
      }
      writer.finish();
    }
  }

  @Override
  public byte[] bytes(PlanArray array) {
    if (!Files.isRegularFile(file)) {
      throw FormatException.of(
          "%s: no such file (expected the arrays of the plan beside it, among them %s). Copy both"
              + " files, or make the plan again.",
          file, array.name());
    }
    try (SafetensorsFile tensors = SafetensorsFile.open(file);
        Arena arena = Arena.ofConfined()) {
      TensorInfo expected = array.info();
      boolean there =
          tensors.header().entries().stream().anyMatch(entry -> entry.info().equals(expected));
      if (!there) {
        throw FormatException.of(
            "%s: no array %s (%s %s) that the plan names. Make the plan again.",
            file, array.name(), array.dtype(), array.shape());
      }
      return tensors.read(expected.name(), arena).bytes().toArray(ValueLayout.JAVA_BYTE);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
