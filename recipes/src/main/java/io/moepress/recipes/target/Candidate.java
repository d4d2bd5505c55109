package io.moepress.recipes.target;

import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.Architecture;
import io.moepress.formats.architecture.ArchitectureCatalog;
import io.moepress.formats.architecture.ExpertGroups;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.lowprecision.IntegerCodec;
import io.moepress.formats.lowprecision.SourceScheme;
import io.moepress.formats.lowprecision.StoredTensors;
import io.moepress.formats.tensor.TensorInfo;
import java.io.IOException;
import java.util.Collections;
import java.util.Optional;
import java.util.SortedMap;

/// What rules judge: a plan's numbers of experts, or a whole checkpoint with all its
/// contradictions. What is not known is empty, and rules about it have nothing to say.
///
/// @param settings the configuration
/// @param numbers the numbers of experts
/// @param tensors the names, types and shapes of tensors
/// @param storage how the tensors are stored, and what lies beside them
/// @param quantized the linear layers, where some are stored as integers
public record Candidate(
    Optional<Settings> settings,
    Optional<ExpertNumbers> numbers,
    Optional<TensorCensus> tensors,
    Optional<Storage> storage,
    Optional<QuantizedTensors> quantized) {

  /// A configuration, as it is.
  ///
  /// @param architecture the family
  /// @param config the configuration
  /// @param layout both together; empty when the configuration says no number of experts
  public record Settings(
      Architecture architecture, ModelConfig config, Optional<ModelLayout> layout) {

    /// Why the groups of experts make no sense; empty when they do.
    Optional<String> groupsFault() {
      try {
        layout.ifPresent(ModelLayout::groups);
        return Optional.empty();
      } catch (FormatException e) {
        return Optional.ofNullable(e.getMessage());
      }
    }
  }

  /// Numbers that a plan would lead to.
  public static Candidate planned(ExpertNumbers numbers) {
    return new Candidate(
        Optional.empty(),
        Optional.of(numbers),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  /// Numbers that a plan would lead to, where weights stay as they are stored.
  ///
  /// @param model as it is
  public static Candidate planned(ExpertNumbers numbers, MoeModel model) {
    ModelLayout layout = model.layout();
    Candidate weights =
        planned(layout.architecture(), layout.config(), model.checkpoint().tensors());
    return new Candidate(
        Optional.empty(),
        Optional.of(numbers),
        Optional.empty(),
        Optional.empty(),
        weights.quantized());
  }

  /// Weights that a plan would lead to: only rules about integers have something to say.
  ///
  /// @param config of the result
  /// @param tensors of the result, by name
  public static Candidate planned(
      Architecture architecture, ModelConfig config, SortedMap<String, TensorInfo> tensors) {
    Optional<QuantizedTensors> quantized =
        Optional.of(settings(architecture, config))
            .filter(_ -> SourceScheme.of(config).filter(IntegerCodec.class::isInstance).isPresent())
            .flatMap(Settings::layout)
            .map(layout -> TensorCensus.of(StoredTensors.lenient(config, tensors), layout))
            .flatMap(QuantizedTensors::of);
    return new Candidate(
        Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), quantized);
  }

  /// A checkpoint as it lies on disk.
  ///
  /// @throws FormatException for an unknown architecture, or a configuration in which a dimension
  ///   other than the number of experts has no value
  public static Candidate stored(CheckpointDirectory checkpoint) throws IOException {
    ModelConfig config = checkpoint.config();
    Architecture architecture = ArchitectureCatalog.of(config);
    Settings settings = settings(architecture, config);
    Optional<TensorCensus> census =
        settings.layout().map(layout -> TensorCensus.of(checkpoint, layout));
    return new Candidate(
        Optional.of(settings),
        census.flatMap(counted -> numbers(counted, settings)),
        census,
        Optional.of(Storage.of(checkpoint)),
        census.flatMap(QuantizedTensors::of));
  }

  static Settings settings(Architecture architecture, ModelConfig config) {
    Settings bare = new Settings(architecture, config, Optional.empty());
    boolean counted =
        NumberRules.countKeyOrList(bare).isEmpty() && NumberRules.topKKey(bare).isEmpty();
    return counted
        ? new Settings(architecture, config, Optional.of(ModelLayout.lenient(architecture, config)))
        : bare;
  }

  /// What the layers hold, whatever the configuration claims, which may be billions.
  private static Optional<ExpertNumbers> numbers(TensorCensus census, Settings settings) {
    SortedMap<Integer, Integer> byLayer = census.expertsByLayer();
    if (byLayer.isEmpty()) {
      return Optional.empty();
    }
    ExpertGroups groups =
        settings.groupsFault().isPresent() ? ExpertGroups.NONE : census.layout().groups();
    return Optional.of(
        ExpertNumbers.of(census.layout(), groups, byLayer, Collections.max(byLayer.values())));
  }
}
