package io.moepress.recipes.planning;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.LinearShape;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.formats.tensor.DType;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.plan.BitAllocation;
import io.moepress.recipes.plan.BitBudget;
import io.moepress.recipes.plan.BitChoice;
import io.moepress.recipes.plan.BitCosts;
import io.moepress.recipes.plan.BitGranularity;
import io.moepress.recipes.plan.BitLimits;
import io.moepress.recipes.plan.BitRequest;
import io.moepress.recipes.plan.ExpertId;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.Protection;
import io.moepress.recipes.plan.QuantizeOptions;
import io.moepress.recipes.target.Target;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;

/// Gives experts the bits that a recipe leaves to a method.
///
/// @param model what is quantised
/// @param options what the recipe asks for
/// @param common what all kinds of steps need
record BitPlanning(MoeModel model, QuantizeOptions options, PlanningContext common) {

  /// What the names and shapes of a packed matrix take in a file, at most.
  private static final long NAMED = 512;

  /// Decides.
  ///
  /// @throws PlanMismatchException when there are too few bits
  ChosenBits choose(Evidence evidence, long seed) throws IOException {
    if (options.bits().isEmpty()) {
      return new ChosenBits(new ExpertSchemes.Same(options.experts()), List.of());
    }
    BitChoice choice = options.bits().get();
    BitGranularity granularity = granularity(choice);
    // Whoever shares a width with a super expert would have to have the largest, too.
    SortedSet<ExpertId> guarded =
        granularity.tellsExpertsApart() ? common.guarded(Protection.DEFAULT) : new TreeSet<>();
    BitLimits limits =
        new BitLimits(budget(choice), choice.method().defaultScope(), granularity, guarded);
    try {
      BitRequest request = new BitRequest(model, evidence, choice.widths(), seed, common.jobs());
      BitCosts costs = choice.method().costs(request);
      BitAllocation allocation = choice.method().allocate(costs, limits);
      return new ChosenBits(
          new ExpertSchemes.Chosen(options.experts(), allocation.byExpert()),
          notes(costs, allocation, limits));
    } catch (IllegalArgumentException e) {
      throw new PlanMismatchException(
          "%s: %s", choice.method().name(), String.valueOf(e.getMessage()));
    }
  }

  /// Which weights share a width.
  BitGranularity granularity(BitChoice choice) {
    return choice
        .granularity()
        .orElse(
            switch (common.target()) {
              case RESEARCH -> BitGranularity.MATRIX;
              case VLLM, SGLANG -> BitGranularity.LAYER;
              case TRANSFORMERS -> BitGranularity.MODEL;
              case LLAMA_CPP -> BitGranularity.PROJECTION;
            });
  }

  /// Makes sure that a target loads experts of different widths.
  ///
  /// @throws PlanMismatchException when it does not
  void requireLoadable() {
    if (options.bits().isEmpty()) {
      return;
    }
    BitGranularity wanted = granularity(options.bits().get());
    Target target = common.target();
    boolean loads =
        switch (target) {
          case RESEARCH, LLAMA_CPP -> true;
          case VLLM, SGLANG -> wanted == BitGranularity.LAYER || wanted == BitGranularity.MODEL;
          case TRANSFORMERS -> wanted == BitGranularity.MODEL;
        };
    if (!loads) {
      throw new PlanMismatchException(
          "granularity: %s: %s does not load experts of so different widths. Use \"granularity: %s\","
              + " \"storage: decoded\", or \"target: research\".",
          wanted.label(),
          target.label(),
          target == Target.TRANSFORMERS
              ? BitGranularity.MODEL.label()
              : BitGranularity.LAYER.label());
    }
  }

  private BitBudget budget(BitChoice choice) {
    if (choice.bits().isPresent()) {
      return new BitBudget.Average(choice.bits().getAsDouble());
    }
    long weights = 0;
    long overhead = 0;
    long experts = 0;
    long names = 0;
    for (TensorId id : model.inventory().names().keySet()) {
      if (id.role().isExpert()) {
        LinearShape shape = LinearShape.of(model, id);
        IntegerScheme scheme = ExpertSchemes.withBits(options.experts(), choice.widths().getLast());
        long stored = scheme.storedBits(shape.outputs(), shape.inputs(), model.info(id).dtype());
        weights += shape.weights();
        overhead += stored - shape.weights() * scheme.bits();
        experts += model.info(id).byteCount();
        names += NAMED;
      }
    }
    long others = model.checkpoint().byteCount() - experts - savedByOthers() + names;
    long left = choice.fit().orElseThrow() - others;
    if (left <= 0) {
      throw new PlanMismatchException(
          "fit: %d bytes: all but the experts takes %d (expected more). Use \"others\" to make that"
              + " smaller, or a larger size.",
          choice.fit().orElseThrow(), others);
    }
    return new BitBudget.Bytes(left, (double) overhead / Math.max(1, weights));
  }

  /// Bytes by which attention, shared experts and dense networks become smaller.
  private long savedByOthers() {
    QuantizedParts parts = new QuantizedParts(model, options);
    long saved = 0;
    for (TensorId id : model.inventory().names().keySet()) {
      Optional<IntegerScheme> scheme = parts.scheme(id);
      if (!id.role().isExpert() && scheme.isPresent()) {
        LinearShape shape = LinearShape.of(model, id);
        DType type = model.info(id).dtype();
        long bits = scheme.get().storedBits(shape.outputs(), shape.inputs(), type);
        saved += model.info(id).byteCount() - bits / Byte.SIZE - NAMED;
      }
    }
    return saved;
  }

  private static List<String> notes(BitCosts costs, BitAllocation allocation, BitLimits limits) {
    List<String> notes = new ArrayList<>(costs.notes());
    notes.addAll(allocation.notes());
    List<String> shares =
        allocation.weightsByWidth().entrySet().stream()
            .map(entry ->
                Checks.text(
                    "%.1f%% of %d",
                    100.0 * entry.getValue() / Math.max(1, allocation.weights()), entry.getKey()))
            .toList();
    notes.add(
        Checks.text(
            "bits: %.3f for each weight of experts on average (%s), without scales; by %s",
            allocation.averageBits(), String.join(", ", shares), limits.granularity().label()));
    if (allocation.bitsLost() > 0) {
      notes.add(
          Checks.text(
              "bits: what shares a width costs %.3f bits for each weight: each matrix for itself would"
                  + " cost as little with %.3f",
              allocation.bitsLost(), allocation.averageBits() - allocation.bitsLost()));
    }
    return notes;
  }
}
