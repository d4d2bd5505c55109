package io.moepress.recipes.target;

import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.integer.BitPacking;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.formats.lowprecision.EncodedTensor;
import io.moepress.formats.lowprecision.IntegerCodec;
import io.moepress.formats.lowprecision.SourceScheme;
import io.moepress.formats.lowprecision.StoredTensors;
import io.moepress.formats.tensor.TensorInfo;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;

/// The linear layers of a checkpoint that stores some as integers: which it does, and what its
/// configuration says of each.
///
/// @param layout the model
/// @param config the configuration of low precision, as it is written
/// @param codec the same, understood
/// @param linears linear layers with a tensor of their own, in the order of layers
/// @param prediction those of layers for multi-token prediction
public record QuantizedTensors(
    ModelLayout layout,
    JsonNode config,
    IntegerCodec codec,
    Map<TensorId, Linear> linears,
    List<Linear> prediction) {
  private static final String WEIGHT = ".weight";
  private static final int MATRIX = 2;

  /// A linear layer.
  ///
  /// @param module its name, which is that of its weight without `.weight`
  /// @param inputs length of its rows
  /// @param isPacked whether its weights are integers
  /// @param isExcepted whether the configuration says that they are not
  /// @param declared the scheme that it has by the configuration
  /// @param packing how its codes share words, where that makes a difference
  record Linear(
      String module,
      long inputs,
      boolean isPacked,
      boolean isExcepted,
      Optional<IntegerScheme> declared,
      Optional<BitPacking> packing) {

    /// The scheme of its weights; nothing: they are no integers.
    Optional<IntegerScheme> scheme() {
      return isPacked ? declared : Optional.empty();
    }

    /// Whether runtimes look for integers where there are none.
    boolean isTakenForPacked() {
      return !isPacked && declared.isPresent();
    }
  }

  /// Looks at a checkpoint; nothing when its configuration speaks of no integers.
  static Optional<QuantizedTensors> of(TensorCensus census) {
    Optional<JsonNode> config = census.layout().config().value(SourceScheme.KEY);
    return SourceScheme.of(census.layout().config())
        .filter(IntegerCodec.class::isInstance)
        .map(codec -> of(census, config.orElseThrow(), (IntegerCodec) codec));
  }

  private static QuantizedTensors of(TensorCensus census, JsonNode config, IntegerCodec codec) {
    Map<TensorId, Linear> linears = new LinkedHashMap<>();
    census
        .known()
        .forEach((id, info) -> {
          if (id.role() != TensorRole.EMBEDDING && isLinear(info)) {
            linears.put(id, linear(info, census.stored(), codec));
          }
        });
    List<Linear> prediction = new ArrayList<>();
    for (String name : census.prediction()) {
      TensorInfo info = census.stored().info(name);
      if (isLinear(info) && !name.contains("embed_tokens")) {
        prediction.add(linear(info, census.stored(), codec));
      }
    }
    return new QuantizedTensors(census.layout(), config, codec, linears, prediction);
  }

  private static boolean isLinear(TensorInfo info) {
    return info.name().endsWith(WEIGHT) && info.shape().rank() == MATRIX;
  }

  private static Linear linear(TensorInfo info, StoredTensors stored, IntegerCodec codec) {
    String module = module(info.name());
    EncodedTensor encoded = stored.encoded().get(info.name());
    return new Linear(
        module,
        info.shape().dimension(1),
        encoded != null || stored.broken().containsKey(info.name()),
        codec.excepts(module),
        codec.declared(module),
        encoded == null ? Optional.empty() : codec.packing(encoded.parts()));
  }

  static String module(String weight) {
    return weight.substring(0, weight.length() - WEIGHT.length());
  }

  /// The matrices of single experts, by layer.
  SortedMap<Integer, Map<TensorId, Linear>> experts() {
    SortedMap<Integer, Map<TensorId, Linear>> experts = new TreeMap<>();
    linears.forEach((id, linear) -> {
      if (id.role().isExpert()) {
        experts.computeIfAbsent(id.layer(), _ -> new LinkedHashMap<>()).put(id, linear);
      }
    });
    return experts;
  }
}
