package io.moepress.formats.gguf;

import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.GgufMapping;
import io.moepress.formats.architecture.MoeModel;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A model as it will be in a GGUF file, but for the types of its tensors and its tokenizer.
///
/// @param mapping what the family is in llama.cpp
/// @param metadata values by key, without `general.*` and `tokenizer.*`
/// @param tensors in the order of the file
/// @param notes what llama.cpp will do otherwise than the model, a sentence each
public record GgufModel(
    GgufMapping mapping,
    Map<String, GgufValue> metadata,
    List<GgufTensor> tensors,
    List<String> notes) {

  /// llama.cpp's `LLAMA_MAX_EXPERTS`.
  public static final int MOST_EXPERTS = 512;

  public GgufModel {
    metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
    tensors = List.copyOf(tensors);
    notes = List.copyOf(notes);
  }

  /// Maps a model. No weights are read.
  ///
  /// @throws FormatException for a family or a model that llama.cpp cannot run
  public static GgufModel of(MoeModel model) {
    GgufMapping mapping = mapping(model);
    GgufMetadata metadata = GgufMetadata.of(model, mapping);
    return new GgufModel(
        mapping, metadata.values(), GgufTensors.of(model, mapping), metadata.notes());
  }

  /// A tensor, if the file will have it.
  public Optional<GgufTensor> tensor(String name) {
    return tensors.stream().filter(tensor -> tensor.name().equals(name)).findFirst();
  }

  /// What the family of a model is in llama.cpp.
  ///
  /// @throws FormatException when its architecture does not say
  public static GgufMapping mapping(MoeModel model) {
    GgufMapping mapping = model.layout().architecture().gguf();
    if (mapping == null) {
      throw FormatException.of(
          "architecture %s: no \"gguf\" (expected what the family is in llama.cpp). Add it to the"
              + " architecture file, or stay with safetensors.",
          model.layout().architecture().modelTypes());
    }
    return mapping;
  }
}
