package io.moepress.formats.architecture;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.moepress.formats.Checks;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A model family as data, read from one JSON file: the names of tensors and config keys as they
/// stand **on disk**, and the blocks a layer is composed of. No code anywhere knows a family's
/// name.
///
/// Weight-only work (inspecting, applying a plan) needs only `dimensions`, `countKeys`, `topKKeys`,
/// `moeLayers` and `tensors`; the forward pass needs the rest.
///
/// @param formatVersion version of this document's format, 1
/// @param modelTypes values of `model_type` in `config.json` that mean this family
/// @param countKeys config keys that hold the number of experts; the ones present are kept equal
/// @param topKKeys config keys that hold the number of experts per token
/// @param dimensions formulas by dimension name, see [Dimension]
/// @param moeLayers which layers have experts; null when all have
/// @param tensors name and shape of every tensor by role
/// @param attention the attention block
/// @param router the router
/// @param activation activation of the gated feed-forward networks
public record Architecture(
    int formatVersion,
    List<String> modelTypes,
    List<String> countKeys,
    List<String> topKKeys,
    Map<String, String> dimensions,
    @Nullable MoeLayers moeLayers,
    Map<TensorRole, TensorTemplate> tensors,
    Attention attention,
    Router router,
    Activation activation) {

  /// The version of the format this class reads.
  public static final int FORMAT_VERSION = 1;

  public Architecture {
    Checks.requireFormat(
        formatVersion == FORMAT_VERSION,
        "architecture file: formatVersion %d (expected %d)",
        formatVersion,
        FORMAT_VERSION);
    modelTypes = List.copyOf(modelTypes);
    countKeys = List.copyOf(countKeys);
    topKKeys = List.copyOf(topKKeys);
    dimensions = Collections.unmodifiableMap(new LinkedHashMap<>(dimensions));
    tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
  }

  /// A tensor's name and shape.
  ///
  /// @param name name with `{layer}` and `{expert}` as place holders
  /// @param shape a formula for each dimension; the one that reads `experts` is the axis along
  ///   which the tensor is cut when experts are dropped
  /// @param optional true when a checkpoint may lack it (a tied output head, a bias)
  public record TensorTemplate(String name, List<String> shape, @Nullable Boolean optional) {
    public TensorTemplate {
      shape = List.copyOf(shape);
    }
  }

  /// Which layers have experts: layer `l` does where `l >= first`, `(l + 1) % every == 0`, and `l`
  /// is not listed.
  ///
  /// @param first formula; index of the first layer that may have experts; null: 0
  /// @param every formula; null: 1
  /// @param except config key of a list of layer indices that are dense; null: none
  public record MoeLayers(
      @Nullable String first, @Nullable String every, @Nullable String except) {}

  /// Grouped-query attention with rotary positions.
  ///
  /// @param headNorm whether queries and keys are normalised, and over what
  /// @param rotary which elements of a head are turned together
  /// @param window the sliding window; null: none
  public record Attention(HeadNorm headNorm, RotaryPairing rotary, @Nullable Window window) {}

  /// A sliding window: a token sees itself and the `size - 1` tokens before it.
  ///
  /// @param size formula of the length in tokens; no window where it has no value
  /// @param when formula of a flag that switches the window on; null: on
  public record Window(String size, @Nullable String when) {}

  /// Normalisation of queries and keys before the rotation.
  public enum HeadNorm {
    /// None.
    @JsonProperty("none")
    NONE,
    /// Over each head by itself.
    @JsonProperty("per-head")
    PER_HEAD
  }

  /// Which elements of a head are turned together.
  public enum RotaryPairing {
    /// Element `i` with element `i + d/2`.
    @JsonProperty("half")
    HALF
  }

  /// How a token gets its experts and their weights.
  ///
  /// @param score what turns router logits into scores, over all experts
  /// @param renormalise formula of a flag: whether the weights of the chosen experts are divided by
  ///   their sum
  public record Router(RouterScore score, String renormalise) {}

  /// From router logits to scores.
  public enum RouterScore {
    /// Softmax over all experts.
    @JsonProperty("softmax")
    SOFTMAX
  }

  /// Activation `a` of a gated network `down(a(gate(x)) * up(x))`.
  public enum Activation {
    /// `x * sigmoid(x)`.
    @JsonProperty("silu")
    SILU
  }
}
