package io.moepress.formats.architecture;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import io.moepress.formats.Checks;
import io.moepress.formats.lowprecision.Mxfp4;
import io.moepress.formats.lowprecision.TensorCodec;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// A model family as data, read from one JSON file: the names of tensors and config keys as they
/// stand **on disk**, and the blocks a layer is composed of. No code anywhere knows a family's
/// name.
///
/// Weight-only work (inspecting, applying a plan) needs only `dimensions`, `countKeys`, `topKKeys`,
/// `moeLayers`, `tensors`, `multiTokenPrediction` and the groups of the router; the forward pass
/// needs the rest.
///
/// @param formatVersion version of this document's format, 1
/// @param modelTypes values of `model_type` in `config.json` that mean this family
/// @param countKeys config keys that hold the number of experts; the ones present are kept equal.
///   As everywhere in these files, a key with dots leads into nested objects:
///   `text_config.num_experts`
/// @param topKKeys config keys that hold the number of experts per token
/// @param dimensions formulas by dimension name, see [Dimension]
/// @param moeLayers which layers have experts; null when all have
/// @param tensors name and shape of every tensor by role
/// @param storages other ways in which checkpoints of this family store their experts; null: none
/// @param multiTokenPrediction layers behind the last one that are no part of the main model; null:
///   none
/// @param attention the attention block
/// @param router the router
/// @param activation activation of the gated feed-forward networks
/// @param clamp the numbers of a clamped activation; null where it has none
/// @param assumes config keys with the only value the forward pass is written for; a config that
///   lacks the key is fine
/// @param gguf what the family is in llama.cpp; null: it cannot be converted
public record Architecture(
    int formatVersion,
    List<String> modelTypes,
    List<String> countKeys,
    List<String> topKKeys,
    Map<String, String> dimensions,
    @Nullable MoeLayers moeLayers,
    Map<TensorRole, TensorTemplate> tensors,
    @Nullable List<Storage> storages,
    @Nullable MultiTokenPrediction multiTokenPrediction,
    Attention attention,
    Router router,
    Activation activation,
    @Nullable Clamp clamp,
    Map<String, JsonNode> assumes,
    @Nullable GgufMapping gguf) {

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
    storages = storages == null ? null : List.copyOf(storages);
    assumes = Collections.unmodifiableMap(new LinkedHashMap<>(assumes));
  }

  /// A tensor's name and shape.
  ///
  /// @param name name with `{layer}` and `{expert}` as place holders
  /// @param shape a formula for each dimension; the one that reads `experts` is the axis along
  ///   which the tensor is cut when experts are dropped
  /// @param optional formula of a flag: a checkpoint may lack it (a tied output head, a bias);
  ///   null: it may not
  /// @param when formula of a flag: without it models of this family have no such tensor; null: all
  ///   have it
  public record TensorTemplate(
      String name, List<String> shape, @Nullable String optional, @Nullable String when) {
    public TensorTemplate {
      shape = List.copyOf(shape);
    }
  }

  /// A way to store experts other than by the expert tensors under `tensors`: matrices of all
  /// experts of a layer stacked in one tensor, expert after expert.
  ///
  /// @param name what messages call it
  /// @param orientation which axis of an expert's matrices comes first
  /// @param gateUp how gate and up projection share a tensor
  /// @param encoding how the matrices are stored when in low precision; shapes are those of what
  ///   they stand for; null: as they are
  /// @param tensors take the place of all expert tensors, and of any other tensor of the same role
  public record Storage(
      String name,
      Orientation orientation,
      GateUpOrder gateUp,
      @Nullable Encoding encoding,
      Map<TensorRole, TensorTemplate> tensors) {
    public Storage {
      tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
    }
  }

  /// A way to store stacked matrices in low precision that not every tensor can be stored in.
  public enum Encoding {
    /// See [Mxfp4].
    @JsonProperty("mxfp4")
    MXFP4;

    /// Whether it is what a configuration says of its tensors.
    boolean isOf(TensorCodec codec) {
      return switch (this) {
        case MXFP4 -> codec instanceof Mxfp4;
      };
    }
  }

  /// Which axis of an expert's matrix comes first.
  public enum Orientation {
    /// `[out, in]`, as in a linear layer: `y = W x`.
    @JsonProperty("output-first")
    OUTPUT_FIRST,
    /// `[in, out]`: `y = x W`.
    @JsonProperty("input-first")
    INPUT_FIRST
  }

  /// The order of outputs where one matrix holds gate and up projection.
  public enum GateUpOrder {
    /// All outputs of the gate, then all of the other.
    @JsonProperty("halves")
    HALVES,
    /// Even outputs are the gate's, odd ones the other's.
    @JsonProperty("interleaved")
    INTERLEAVED
  }

  /// Which layers have experts: layer `l` does where `l >= first`, `(l + 1) % every == 0`, and `l`
  /// is not listed.
  ///
  /// @param first formula; index of the first layer that may have experts; null: 0
  /// @param every formula; null: 1
  /// @param except config key of a list of layer indices that are dense; null: none
  public record MoeLayers(
      @Nullable String first, @Nullable String every, @Nullable String except) {}

  /// Layers behind the last decoder layer that guess further tokens. They share the number of
  /// experts with the main model, but neither its forward pass nor its evidence reaches them.
  ///
  /// @param prefix how the names of their tensors begin, with `{layer}` as place holder
  /// @param countKey config key of their number
  public record MultiTokenPrediction(String prefix, String countKey) {}

  /// The attention block.
  @JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
  @JsonSubTypes({
    @JsonSubTypes.Type(value = GroupedQuery.class, name = "grouped-query"),
    @JsonSubTypes.Type(value = Latent.class, name = "latent")
  })
  public sealed interface Attention permits GroupedQuery, Latent {

    /// Which elements of a head are turned together.
    RotaryPairing rotary();
  }

  /// Grouped-query attention with rotary positions. Where the model has tensors of
  /// [TensorRole#ATTENTION_SINKS], each head's softmax has one more score that no value belongs to.
  ///
  /// @param headNorm whether queries and keys are normalised, and over what
  /// @param clip formula of a bound on the magnitude of projected queries, keys and values, after
  ///   the norm; no bound where it has no value; null: none
  /// @param rotary which elements of a head are turned together
  /// @param rotaryWidth formula; how many elements of a head, from the first on, are turned at all;
  ///   null: all
  /// @param window the sliding window; null: none
  public record GroupedQuery(
      HeadNorm headNorm,
      @Nullable String clip,
      RotaryPairing rotary,
      @Nullable String rotaryWidth,
      @Nullable Window window)
      implements Attention {}

  /// Latent attention: keys and values of all heads are expanded from one short vector, and part of
  /// every key, the part that is turned, is common to all heads. Queries may be compressed
  /// likewise; they are where the model has tensors of [TensorRole#QUERY_COMPRESS].
  ///
  /// @param latent formula; width of the vector that keys and values are expanded from
  /// @param plain formula; width of the part of a query or key head that is not turned
  /// @param turned formula; width of the part that is
  /// @param value formula; width of a value head
  /// @param epsilon formula; added to the mean square in the norms of compressed vectors
  /// @param rotary which elements of the turned part are turned together
  public record Latent(
      String latent,
      String plain,
      String turned,
      String value,
      String epsilon,
      RotaryPairing rotary)
      implements Attention {}

  /// A sliding window: a token sees itself and the `size - 1` tokens before it.
  ///
  /// @param size formula of the length in tokens; no window where it has no value
  /// @param when formula of a flag that switches the window on; null: on
  /// @param layerTypes config key of a list that says `sliding_attention` for each layer with the
  ///   window; null: all layers have it
  public record Window(String size, @Nullable String when, @Nullable String layerTypes) {}

  /// Normalisation of queries and keys before the rotation.
  public enum HeadNorm {
    /// None.
    @JsonProperty("none")
    NONE,
    /// Over each head by itself.
    @JsonProperty("per-head")
    PER_HEAD,
    /// Over the whole projected vector, all heads together.
    @JsonProperty("whole")
    WHOLE
  }

  /// Which elements of a head are turned together.
  public enum RotaryPairing {
    /// Element `i` with element `i + d/2`.
    @JsonProperty("half")
    HALF,
    /// Element `2i` with element `2i + 1`.
    @JsonProperty("pairs")
    PAIRS
  }

  /// How a token gets its experts and their weights.
  ///
  /// Where the model has tensors of [TensorRole#ROUTER_BIAS], they are part of the logits. Where it
  /// has tensors of [TensorRole#SELECTION_BIAS], they are added to the scores for the choice, and
  /// not to the weights.
  ///
  /// @param score what turns router logits into scores
  /// @param groups restriction of the choice to some groups of experts; null: none
  /// @param renormalise formula of a flag: whether the weights of the chosen experts are divided by
  ///   their sum
  /// @param epsilon formula of what is added to that sum; null: 0
  /// @param scale formula of a factor on the weights; null: 1
  public record Router(
      RouterScore score,
      @Nullable Groups groups,
      String renormalise,
      @Nullable String epsilon,
      @Nullable String scale) {}

  /// Experts stand in groups of equal size, and a token chooses from the groups that score highest.
  ///
  /// @param count formula; number of groups
  /// @param open formula; number of groups a token chooses from
  /// @param score the score of a group
  /// @param where config keys with the text they must have for the restriction to hold; null: it
  ///   always holds
  /// @param countKey config key of the number of groups; with it and the next set to 1 a token may
  ///   choose from all experts; null: there is no way to lift the restriction
  /// @param openKey config key of the number of groups a token chooses from
  public record Groups(
      String count,
      String open,
      GroupScore score,
      @Nullable Map<String, String> where,
      @Nullable String countKey,
      @Nullable String openKey) {
    public Groups {
      where = where == null ? null : Collections.unmodifiableMap(new LinkedHashMap<>(where));
    }
  }

  /// From the scores of a group's experts to the score of the group.
  public enum GroupScore {
    /// The largest.
    @JsonProperty("max")
    MAX,
    /// The sum of the two largest.
    @JsonProperty("sum-of-two-largest")
    SUM_OF_TWO_LARGEST
  }

  /// From router logits to scores.
  public enum RouterScore {
    /// Softmax over all experts, then the choice.
    @JsonProperty("softmax")
    SOFTMAX,
    /// The choice by logits, then softmax over the chosen experts.
    @JsonProperty("softmax-of-chosen")
    SOFTMAX_OF_CHOSEN,
    /// `1 / (1 + exp(-x))` of each logit by itself, then the choice.
    @JsonProperty("sigmoid")
    SIGMOID
  }

  /// How a gated network `down(h)` joins `g = gate(x)` and `u = up(x)`.
  public enum Activation {
    /// `h = u * g * sigmoid(g)`.
    @JsonProperty("silu")
    SILU,
    /// With a limit `L` and a slope `a`, `h = (clamp(u, -L, L) + 1) * min(g, L) * sigmoid(a *
    /// min(g, L))`.
    @JsonProperty("clamped-silu")
    CLAMPED_SILU
  }

  /// The numbers of a clamped activation.
  ///
  /// @param limit formula of the bound on gate and up projection
  /// @param slope formula of the factor within the sigmoid
  public record Clamp(String limit, String slope) {}
}
