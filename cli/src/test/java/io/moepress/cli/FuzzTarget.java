package io.moepress.cli;

import com.google.errorprone.annotations.Immutable;
import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.gguf.GgufFile;
import io.moepress.formats.gguf.GgufTensorInfo;
import io.moepress.formats.gguf.ImportanceFile;
import io.moepress.formats.safetensors.SafetensorsFile;
import io.moepress.formats.safetensors.SafetensorsHeader;
import io.moepress.formats.tensor.DType;
import io.moepress.recipes.apply.Manifest;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceFile;
import io.moepress.recipes.evidence.LearnedScores;
import io.moepress.recipes.evidence.MissingEvidenceException;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.PlanArray;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.RetainedExperts;
import io.moepress.recipes.recipe.RecipeException;
import io.moepress.recipes.recipe.RecipeReader;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/// Whatever reads files of strangers. The only exceptions that may leave a reader are those that
/// `Main` has words for; time and memory must follow from the size of the file, and not from what
/// it claims.
///
/// Jazzer runs a target by [#fuzzerTestOneInput], see `docs/reliability.md`.
public enum FuzzTarget {
  SAFETENSORS("model.safetensors", FuzzTarget::nothing, FuzzTarget::safetensors),
  INDEX("model.safetensors.index.json", FuzzTarget::shards, FuzzTarget::checkpoint),
  CONFIG("config.json", FuzzTarget::oneFile, FuzzTarget::checkpoint),
  ARCHITECTURE("architecture.json", FuzzTarget::oneFile, FuzzTarget::described),
  GGUF("model.gguf", FuzzTarget::nothing, FuzzTarget::gguf),
  IMATRIX("imatrix.gguf", FuzzTarget::nothing, FuzzTarget::importance),
  RECIPE("recipe.yaml", FuzzTarget::nothing, FuzzTarget::recipe),
  PLAN("plan.json", FuzzTarget::nothing, FuzzTarget::plan),
  EVIDENCE("evidence.json", FuzzTarget::evidence, EvidenceFile::readIntact),
  LEARNED("learned.json", FuzzTarget::nothing, FuzzTarget::learned),
  RETAINED("retained.json", FuzzTarget::nothing, FuzzTarget::retained),
  MANIFEST("moepress.json", FuzzTarget::nothing, Manifest::read);

  private final String file;
  private final Preparation preparation;
  private final Reader reader;

  FuzzTarget(String file, Preparation preparation, Reader reader) {
    this.file = file;
    this.preparation = preparation;
    this.reader = reader;
  }

  /// Puts the files beside the one in question.
  @Immutable
  @FunctionalInterface
  private interface Preparation {
    void prepare(Path folder) throws IOException;
  }

  /// Reads what is in a folder.
  @Immutable
  @FunctionalInterface
  private interface Reader {
    void read(Path folder) throws IOException;
  }

  /// The name in folders and on command lines.
  String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// Makes a folder ready for [#run].
  void prepare(Path folder) throws IOException {
    preparation.prepare(folder);
  }

  /// Reads a file with these bytes.
  ///
  /// @return whether it was taken
  boolean run(byte[] bytes, Path folder) throws IOException {
    Files.write(folder.resolve(file), bytes);
    try {
      reader.read(folder);
      return true;
    } catch (FormatException
        | RecipeException
        | PlanMismatchException
        | MissingEvidenceException
        | UncheckedIOException
        | IOException e) {
      return false;
    }
  }

  /// Where Jazzer's target works; made at its first input.
  private static final class Jazzer {
    private static final FuzzTarget TARGET =
        valueOf(System.getProperty("moepress.fuzz", "safetensors").toUpperCase(Locale.ROOT));
    private static final Path FOLDER = folder();

    private static Path folder() {
      try {
        Path folder = Files.createTempDirectory("fuzz-" + TARGET.label());
        TARGET.prepare(folder);
        return folder;
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /// What Jazzer calls; the system property `moepress.fuzz` says which target.
  public static void fuzzerTestOneInput(byte[] bytes) throws IOException {
    Jazzer.TARGET.run(bytes, Jazzer.FOLDER);
  }

  private static void nothing(Path folder) {
    // its file is all there is
  }

  private static void shards(Path folder) throws IOException {
    TinyMoe.qwen3().shards(2).write(folder);
  }

  private static void oneFile(Path folder) throws IOException {
    TinyMoe.qwen3().write(folder);
  }

  private static void evidence(Path folder) throws IOException {
    SortedMap<Integer, Evidence.Layer> layers = new TreeMap<>();
    layers.put(1, new Evidence.Layer(2, Map.of(Statistic.ROUTED_TOKENS, new double[][] {{3, 4}})));
    List<Evidence.Domain> domains = List.of(new Evidence.Domain("math", "sha256:feed", 1, 7));
    EvidenceFile.write(new Evidence("sha256:beef", 16, domains, layers), folder.resolve("e"));
    Files.copy(folder.resolve("e/evidence.safetensors"), folder.resolve("evidence.safetensors"));
  }

  private static void safetensors(Path folder) throws IOException {
    try (SafetensorsFile file = SafetensorsFile.open(folder.resolve("model.safetensors"));
        Arena arena = Arena.ofConfined()) {
      for (SafetensorsHeader.Entry entry : file.header().entries()) {
        file.read(entry.info().name(), arena);
      }
    }
  }

  private static void checkpoint(Path folder) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(folder)) {
      MoeModel.of(checkpoint).parameterCount();
    }
  }

  private static void described(Path folder) throws IOException {
    Path description = folder.resolve("architecture.json");
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(folder, description)) {
      MoeModel.of(checkpoint).parameterCount();
    }
  }

  private static void gguf(Path folder) throws IOException {
    try (GgufFile file = GgufFile.open(folder.resolve("model.gguf"));
        Arena arena = Arena.ofConfined()) {
      for (GgufTensorInfo tensor : file.tensors()) {
        file.read(tensor.name(), arena);
      }
    }
  }

  private static void importance(Path folder) throws IOException {
    try (ImportanceFile file = ImportanceFile.open(folder.resolve("imatrix.gguf"))) {
      file.size();
    }
  }

  private static void recipe(Path folder) throws IOException {
    RecipeReader.read(folder.resolve("recipe.yaml"), new Methods());
  }

  private static void plan(Path folder) throws IOException {
    Plan plan = Plan.read(folder.resolve("plan.json"));
    PlanText.of(plan);
    plan.digest();
    for (PlanArray array : plan.arrays()) {
      if (array.dtype() == DType.F32) {
        array.floats();
      } else {
        array.ints();
      }
    }
  }

  private static void learned(Path folder) throws IOException {
    LearnedScores.read(folder.resolve("learned.json"));
  }

  private static void retained(Path folder) throws IOException {
    RetainedExperts.read(folder.resolve("retained.json"));
  }
}
