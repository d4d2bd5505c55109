package io.moepress.recipes.gguf;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.gguf.GgufHeader;
import io.moepress.formats.gguf.GgufModel;
import io.moepress.formats.gguf.GgufTensor;
import io.moepress.formats.gguf.GgufTensorInfo;
import io.moepress.formats.gguf.GgufTokenizer;
import io.moepress.formats.gguf.GgufType;
import io.moepress.formats.gguf.GgufTypes;
import io.moepress.formats.gguf.GgufValue;
import io.moepress.formats.gguf.ImportanceFile;
import io.moepress.formats.gguf.TypeExceptions;
import io.moepress.formats.gguf.TypeRule;
import io.moepress.formats.lowprecision.EncodedTensor;
import io.moepress.formats.lowprecision.Mxfp4;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// A GGUF file as it will be: every type, size and value is known before any weight is read.
///
/// @param model where the weights come from, which may be the view of a checkpoint under a plan
/// @param rule which types were wanted
/// @param tensors in the order of the file
/// @param header the file's head
/// @param notes what is worth knowing, a sentence each
public record GgufPlan(
    MoeModel model,
    TypeRule rule,
    List<GgufTensor> tensors,
    GgufHeader header,
    List<String> notes) {

  /// ggml's version of its block types.
  private static final long QUANTIZATION_VERSION = 2;

  /// Names that a note lists.
  private static final int NAMED = 4;

  public GgufPlan {
    tensors = List.copyOf(tensors);
    notes = List.copyOf(notes);
  }

  /// Tensors and bytes of one type.
  public record Share(int tensors, long bytes) {}

  /// Plans a file; what always is F32 is so under every rule.
  ///
  /// @param rule the types of matrices; where their width does not divide into the blocks, another
  /// @param name what to call the model
  /// @param importance by which errors will be weighed; null: by none
  /// @throws io.moepress.formats.FormatException for a model that llama.cpp cannot run, or
  ///   importance of another model
  public static GgufPlan of(
      MoeModel model,
      TypeRule rule,
      GgufTokenizer.Section tokenizer,
      String name,
      @Nullable ImportanceFile importance) {
    GgufModel mapped = GgufModel.of(model);
    if (rule instanceof TypeExceptions exceptions) {
      exceptions.requireUsed(mapped.tensors());
    }
    Map<String, GgufValue> metadata = new LinkedHashMap<>();
    metadata.put("general.architecture", GgufValue.text(mapped.mapping().architecture()));
    metadata.put("general.type", GgufValue.text("model"));
    metadata.put("general.name", GgufValue.text(name));
    metadata.put("general.file_type", GgufValue.count(rule.fileType()));
    metadata.put("general.quantization_version", GgufValue.count(QUANTIZATION_VERSION));
    if (importance != null) {
      metadata.putAll(provenance(importance));
    }
    metadata.putAll(mapped.metadata());
    metadata.putAll(tokenizer.values());
    List<GgufTensorInfo> infos =
        mapped.tensors().stream()
            .map(tensor ->
                new GgufTensorInfo(
                    tensor.name(), GgufTypes.choose(tensor, rule.wanted(tensor)), tensor.shape()))
            .toList();
    List<String> notes = new ArrayList<>(mapped.notes());
    notes.addAll(tokenizer.notes());
    notes.addAll(fallbacks(mapped.tensors(), rule));
    notes.addAll(encodedAnew(model, mapped.tensors(), rule));
    if (importance != null) {
      notes.addAll(uncovered(mapped.tensors(), importance));
    }
    return new GgufPlan(model, rule, mapped.tensors(), GgufHeader.layOut(metadata, infos), notes);
  }

  /// A plan with more notes.
  public GgufPlan withNotes(List<String> added) {
    List<String> more = new ArrayList<>(notes);
    more.addAll(added);
    return new GgufPlan(model, rule, tensors, header, more);
  }

  /// What llama-quantize says of the importance matrix in the file.
  private static Map<String, GgufValue> provenance(ImportanceFile importance) {
    Map<String, GgufValue> values = new LinkedHashMap<>();
    values.put(
        "quantize.imatrix.file",
        GgufValue.text(String.valueOf(importance.file().path().getFileName())));
    values.put("quantize.imatrix.entries_count", GgufValue.count(importance.size()));
    importance
        .file()
        .whole("imatrix.chunk_count")
        .ifPresent(chunks -> values.put("quantize.imatrix.chunks_count", GgufValue.count(chunks)));
    return values;
  }

  private static List<String> uncovered(List<GgufTensor> tensors, ImportanceFile importance) {
    List<String> names =
        tensors.stream()
            .filter(GgufTypes::takesType)
            .filter(tensor -> !importance.covers(tensor))
            .map(GgufTensor::name)
            .toList();
    String first = String.join(", ", names.subList(0, Math.min(names.size(), NAMED)));
    return names.isEmpty()
        ? List.of()
        : List.of(
            names.size()
                + " matrices have no importance, all their columns count alike: "
                + first
                + (names.size() > NAMED ? ", ..." : ""));
  }

  /// Matrices that are stored in low precision, and will be in another type.
  private static List<String> encodedAnew(MoeModel model, List<GgufTensor> tensors, TypeRule rule) {
    Map<String, EncodedTensor> encoded = model.inventory().stored().encoded();
    SortedMap<String, Integer> counts = new TreeMap<>();
    for (GgufTensor tensor : tensors) {
      EncodedTensor source = encoded.get(tensor.pieces().getFirst().tensor());
      GgufType type = GgufTypes.choose(tensor, rule.wanted(tensor));
      if (source != null && !(source.codec() instanceof Mxfp4 && type == GgufType.MXFP4)) {
        counts.merge(source.codec().label(), 1, Integer::sum);
      }
    }
    List<String> notes = new ArrayList<>();
    counts.forEach((label, count) ->
        notes.add(
            count
                + " tensors are stored as "
                + label
                + ", and are decoded and encoded anew"
                + (label.equals(new Mxfp4().label()) ? "; MXFP4_MOE keeps their bytes" : "")));
    return notes;
  }

  private static List<String> fallbacks(List<GgufTensor> tensors, TypeRule rule) {
    SortedMap<String, Integer> counts = new TreeMap<>();
    for (GgufTensor tensor : tensors) {
      GgufType type = rule.wanted(tensor);
      GgufType chosen = GgufTypes.choose(tensor, type);
      if (GgufTypes.takesType(tensor) && chosen != type) {
        String reason =
            chosen
                + " instead of "
                + type
                + ": rows of "
                + tensor.width()
                + " do not divide into blocks of "
                + type.blockElements();
        counts.merge(reason, 1, Integer::sum);
      }
    }
    List<String> notes = new ArrayList<>();
    counts.forEach((reason, count) -> notes.add(count + " tensors are " + reason));
    return notes;
  }

  /// Bytes of the whole file.
  public long byteCount() {
    return header.fileSize();
  }

  /// Bits of all tensors for each of their elements.
  public double bitsPerWeight() {
    return bitsPerWeight(header);
  }

  /// Bits of all tensors of a file for each of their elements.
  public static double bitsPerWeight(GgufHeader header) {
    long bytes = 0;
    long elements = 0;
    for (GgufHeader.Entry entry : header.entries()) {
      bytes += entry.info().byteCount();
      elements += entry.info().shape().elementCount();
    }
    return elements == 0 ? 0 : (double) bytes * Byte.SIZE / elements;
  }

  /// What a file has of each type.
  public static SortedMap<GgufType, Share> shares(GgufHeader header) {
    SortedMap<GgufType, Share> shares = new TreeMap<>();
    for (GgufHeader.Entry entry : header.entries()) {
      shares.merge(
          entry.info().type(),
          new Share(1, entry.info().byteCount()),
          (a, b) -> new Share(a.tensors() + b.tensors(), a.bytes() + b.bytes()));
    }
    return shares;
  }
}
