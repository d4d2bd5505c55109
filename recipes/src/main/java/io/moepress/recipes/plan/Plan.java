package io.moepress.recipes.plan;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.ExpertCounts;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.json.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/// What will be done to a checkpoint, complete and explicit. A plan is a function of its evidence,
/// byte for byte; a person may read, compare and edit it, and [#read] checks what they did.
///
/// @param formatVersion version of this document's format, 1
/// @param tool name and version of the program that made it
/// @param modelType family of the checkpoint
/// @param previous the plan whose result this one begins with; null: it begins with the checkpoint
/// @param checkpoint fingerprint of the checkpoint, or of the result, it begins with
/// @param evidence digest of the evidence it was made from; null when there was none
/// @param target label of the runtime that has to load the result
/// @param before size of the checkpoint
/// @param after size of the result
/// @param notes what a reader should know: protected and starved experts, changes of function
/// @param steps the decisions: changes of routing, then layers in their order, then what follows
public record Plan(
    int formatVersion,
    String tool,
    String modelType,
    @Nullable Plan previous,
    String checkpoint,
    @Nullable String evidence,
    String target,
    Size before,
    Size after,
    List<String> notes,
    List<PlanStep> steps) {

  /// The version of the format this class reads and writes.
  public static final int FORMAT_VERSION = 1;

  /// How large a checkpoint is.
  ///
  /// @param experts routed experts of each MoE layer; where layers differ, of the largest
  /// @param expertsByLayer routed experts by layer where layers differ; else null
  /// @param parameters elements of all tensors
  /// @param bytes bytes of all tensors
  public record Size(
      int experts,
      @Nullable SortedMap<Integer, Integer> expertsByLayer,
      long parameters,
      long bytes) {
    public Size {
      Checks.require(
          experts >= 0 && parameters >= 0 && bytes >= 0,
          "a model of %d experts, %d parameters and %d bytes",
          experts,
          parameters,
          bytes);
      expertsByLayer =
          expertsByLayer == null
              ? null
              : Collections.unmodifiableSortedMap(new TreeMap<>(expertsByLayer));
    }

    /// A checkpoint with the same number of experts in each MoE layer.
    public Size(int experts, long parameters, long bytes) {
      this(experts, null, parameters, bytes);
    }

    /// The size of a model.
    public static Size of(ModelLayout layout, long parameters, long bytes) {
      boolean differ = layout.distinctExperts().size() > 1;
      return new Size(layout.experts(), differ ? layout.expertCounts() : null, parameters, bytes);
    }

    /// The numbers of experts in words: `16`, or `12 to 20`.
    public String expertsText() {
      return expertsByLayer == null
          ? Integer.toString(experts)
          : ExpertCounts.text(expertsByLayer.values());
    }
  }

  public Plan {
    notes = List.copyOf(notes);
    steps = List.copyOf(steps);
  }

  /// The fingerprint of the checkpoint the first of these plans begins with.
  public String source() {
    return previous == null ? checkpoint : previous.source();
  }

  /// The fingerprint of what this plan makes, by which evidence and plans name it before it is
  /// written.
  public String resultFingerprint() {
    return Fingerprint.ofText("result of " + digest());
  }

  /// The plans in the order in which they are applied, this one last.
  public List<Plan> chain() {
    List<Plan> chain = new ArrayList<>(previous == null ? List.of() : previous.chain());
    chain.add(this);
    return chain;
  }

  /// The JSON text.
  public String json() {
    return Json.pretty(this);
  }

  /// The digest by which other documents name this plan.
  public String digest() {
    return Fingerprint.ofText(json());
  }

  /// The arrays that the steps of this plan and those before it name.
  public List<PlanArray> arrays() {
    List<PlanArray> arrays = new ArrayList<>(previous == null ? List.of() : previous.arrays());
    steps.forEach(step -> arrays.addAll(step.arrays()));
    return arrays;
  }

  /// Writes the plan to a file, and its arrays to the file beside it: `plan.arrays.safetensors`
  /// beside `plan.json`.
  public void write(Path file) throws IOException {
    PlanArrays.beside(file).write(arrays());
    Json.write(file, this);
  }

  /// Reads a plan, perhaps edited by a person. Its arrays are read when they are used.
  ///
  /// @throws FormatException when it is not a plan, of another version, or contradicts itself
  public static Plan read(Path file) throws IOException {
    ObjectNode document = Json.object(file);
    int version = document.path("formatVersion").asInt(0);
    Checks.requireFormat(
        version == FORMAT_VERSION,
        "%s: formatVersion %d (expected %d). Make the plan again with this version of moepress.",
        file,
        version,
        FORMAT_VERSION);
    PlanArray.Source arrays = PlanArrays.beside(file);
    return Json.bind(document, Plan.class, PlanArray.Source.class, arrays, file.toString());
  }
}
