package io.moepress.formats.architecture;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.moepress.formats.architecture.Architecture.RotaryPairing;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// What a family is called in llama.cpp, and what its graph there does whatever the file says. All
/// else follows from the blocks of the [Architecture].
///
/// @param architecture value of `general.architecture`, and first part of the keys of the family
/// @param rotary which elements of a head the graph turns together; where the checkpoint has
///   [RotaryPairing#HALF] and the graph [RotaryPairing#PAIRS], rows of queries and keys change
///   places
/// @param denseLayers which layers may have no experts
/// @param renormalised whether the graph divides the weights of the chosen experts by their sum;
///   null: the file says so, and what scores are made of, and the factor
/// @param preTokenizer how the family's own tokenizer splits text, by llama.cpp's name; null: it
///   has no name
/// @param windowPeriod the graph gives all layers a sliding window but the last of each so many;
///   null: it has none
/// @param names what some tensors of a layer are called otherwise than in most families, by role;
///   null: none is
/// @param counts formula by key, without the first part, of further whole numbers; one that has no
///   value is left out
public record GgufMapping(
    String architecture,
    RotaryPairing rotary,
    DenseLayers denseLayers,
    @Nullable Boolean renormalised,
    @Nullable String preTokenizer,
    @Nullable Integer windowPeriod,
    @Nullable Map<TensorRole, String> names,
    Map<String, String> counts) {

  public GgufMapping {
    names = names == null ? null : Collections.unmodifiableMap(new TreeMap<>(names));
    counts = Collections.unmodifiableMap(new LinkedHashMap<>(counts));
  }

  /// What a tensor of a layer is called in this family, if not as in most.
  public Optional<String> name(TensorRole role) {
    return names == null ? Optional.empty() : Optional.ofNullable(names.get(role));
  }

  /// Layers without experts.
  public enum DenseLayers {
    /// None: every layer has experts.
    @JsonProperty("none")
    NONE,
    /// The first ones; their number is written.
    @JsonProperty("leading")
    LEADING
  }
}
