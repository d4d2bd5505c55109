package io.moepress.recipes.apply;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.json.Json;
import io.moepress.recipes.ToolVersion;
import io.moepress.recipes.plan.Plan;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/// How a written checkpoint came to be, and what it must hold: `moepress.json` in its directory.
///
/// Every tensor of the source appears, as a source of a tensor or as dropped.
///
/// @param formatVersion version of this document's format, 1
/// @param tool name and version of the program
/// @param source fingerprint of the source checkpoint
/// @param plan digest of the plan; null when everything was copied
/// @param evidence digest of the evidence the plan was made from; null when there was none
/// @param target label of the runtime the checkpoint was made for
/// @param experts number of experts by layer; null where `config.json` has one number for all
/// @param expertMap the expert of each router row, by layer; null where each expert has its own
/// @param tensors what became of what, by name in the written checkpoint
/// @param dropped reason by name in the source
/// @param files digests of all other files, by path
public record Manifest(
    int formatVersion,
    String tool,
    String source,
    @Nullable String plan,
    @Nullable String evidence,
    String target,
    @Nullable SortedMap<Integer, Integer> experts,
    @Nullable SortedMap<Integer, List<Integer>> expertMap,
    SortedMap<String, Tensor> tensors,
    SortedMap<String, String> dropped,
    SortedMap<String, String> files) {

  /// The version of the format this class reads and writes.
  public static final int FORMAT_VERSION = 1;

  /// Its name in a checkpoint directory.
  public static final String FILE = "moepress.json";

  /// One written tensor.
  ///
  /// @param from its name in the source
  /// @param how what was done to it
  /// @param sha256 digest of its bytes
  public record Tensor(String from, String how, String sha256) {}

  public Manifest {
    experts = experts == null ? null : Collections.unmodifiableSortedMap(new TreeMap<>(experts));
    expertMap =
        expertMap == null ? null : Collections.unmodifiableSortedMap(new TreeMap<>(expertMap));
    tensors = Collections.unmodifiableSortedMap(new TreeMap<>(tensors));
    dropped = Collections.unmodifiableSortedMap(new TreeMap<>(dropped));
    files = Collections.unmodifiableSortedMap(new TreeMap<>(files));
  }

  /// Reads the manifest of a checkpoint directory.
  ///
  /// @throws io.moepress.formats.FormatException when it is none, or of another version
  public static Manifest read(Path directory) throws IOException {
    Path file = directory.resolve(FILE);
    ObjectNode document = Json.object(file);
    int version = document.path("formatVersion").asInt(0);
    Checks.requireFormat(
        version == FORMAT_VERSION,
        "%s: formatVersion %d (expected %d). Use the version of moepress that wrote it.",
        file,
        version,
        FORMAT_VERSION);
    return Json.bind(document, Manifest.class, file.toString());
  }

  /// What to write of a model's numbers of experts.
  static @Nullable SortedMap<Integer, Integer> experts(ModelLayout layout) {
    return layout.distinctExperts().size() == 1 ? null : layout.expertCounts();
  }

  /// What to write of router rows that lead to the same expert.
  static @Nullable SortedMap<Integer, List<Integer>> expertMap(ModelLayout layout) {
    return layout.expertMap().isEmpty() ? null : layout.expertMap().byLayer();
  }

  /// Whether it tells of this plan, applied by this version of the program.
  boolean isOf(Plan decided) {
    return tool.equals(ToolVersion.text())
        && source.equals(decided.source())
        && decided.digest().equals(plan);
  }

  /// Writes it into a checkpoint directory.
  void write(Path directory) throws IOException {
    Json.write(directory.resolve(FILE), this);
  }
}
