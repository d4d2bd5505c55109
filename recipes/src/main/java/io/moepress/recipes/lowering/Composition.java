package io.moepress.recipes.lowering;

import io.moepress.formats.Checks;
import io.moepress.recipes.lowering.TensorProgram.Copy;
import io.moepress.recipes.lowering.TensorProgram.Mask;
import io.moepress.recipes.lowering.TensorProgram.MergedMatrices;
import io.moepress.recipes.lowering.TensorProgram.MixedRows;
import io.moepress.recipes.lowering.TensorProgram.Quantized;
import io.moepress.recipes.lowering.TensorProgram.Rows;
import io.moepress.recipes.lowering.TensorProgram.Stack;
import io.moepress.recipes.lowering.TensorProgram.WeightedSum;
import io.moepress.recipes.lowering.TensorProgram.ZeroSmallest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;

/// Two plans, the second made for the result of the first, as one plan for the first one's source.
final class Composition {
  private final Map<String, TensorProgram> first = new HashMap<>();

  private Composition(LoweredPlan first) {
    for (OutputTensor tensor : first.tensors()) {
      this.first.put(tensor.info().name(), tensor.program());
    }
  }

  static LoweredPlan of(LoweredPlan first, LoweredPlan second) {
    Composition composition = new Composition(first);
    List<OutputTensor> tensors = new ArrayList<>();
    for (OutputTensor tensor : second.tensors()) {
      tensors.add(new OutputTensor(tensor.info(), composition.after(tensor.program())));
    }
    SortedMap<String, String> dropped = new TreeMap<>(first.dropped());
    dropped.putAll(composition.droppedLater(second));
    return new LoweredPlan(second.config(), tensors, dropped);
  }

  /// What the second plan drops, by its name in the first one's source; where a tensor had another
  /// name in between, the reason speaks of that one.
  private Map<String, String> droppedLater(LoweredPlan second) {
    Map<String, String> dropped = new TreeMap<>();
    second
        .dropped()
        .forEach((name, reason) -> {
          for (String source : program(name).sources()) {
            dropped.put(
                source, source.equals(name) ? reason : Checks.text("as %s: %s", name, reason));
          }
        });
    return dropped;
  }

  /// What `program`, which reads tensors of the first plan's result, does to those of its source.
  private TensorProgram after(TensorProgram program) {
    return switch (program) {
      case Copy copy -> program(copy.source());
      case Rows rows -> rows(after(rows.of()), rows.rows());
      case Mask mask -> mask(after(mask.of()), mask.experts());
      case WeightedSum sum ->
          new WeightedSum(sum.of().stream().map(this::after).toList(), sum.weights());
      case MixedRows mixed -> new MixedRows(after(mixed.of()), mixed.rows());
      case MergedMatrices merged ->
          new MergedMatrices(
              merged.of().stream().map(this::after).toList(),
              merged.members(),
              merged.weights(),
              merged.parts(),
              merged.neurons());
      case Stack stack -> new Stack(stack.of().stream().map(this::after).toList());
      case ZeroSmallest zero -> zero.with(after(zero.of()), zero.rows());
      case Quantized quantized -> quantized.with(after(quantized.of()));
    };
  }

  private TensorProgram program(String name) {
    TensorProgram program = first.get(name);
    if (program == null) {
      throw new IllegalArgumentException("the plan before gives no tensor " + name);
    }
    return program;
  }

  /// Some rows of what a program gives.
  private static TensorProgram rows(TensorProgram program, List<Integer> rows) {
    return switch (program) {
      case Copy copy -> new Rows(copy, rows);
      case Rows inner -> new Rows(inner.of(), rows.stream().map(inner.rows()::get).toList());
      case Mask mask -> {
        List<Integer> masked =
            IntStream.range(0, rows.size())
                .filter(place -> mask.experts().contains(rows.get(place)))
                .boxed()
                .toList();
        yield mask(rows(mask.of(), rows), masked);
      }
      case WeightedSum sum -> new Rows(sum, rows);
      case MergedMatrices merged -> new Rows(merged, rows);
      case Quantized quantized -> new Rows(quantized, rows);
      case Stack stack -> new Stack(rows.stream().map(stack.of()::get).toList());
      case MixedRows mixed ->
          new MixedRows(mixed.of(), rows.stream().map(mixed.rows()::get).toList());
      case ZeroSmallest zero ->
          zero.with(
              rows(zero.of(), rows),
              zero.stacked() == null ? zero.rows() : rows.stream().map(zero.rows()::get).toList());
    };
  }

  /// What a program gives, with some experts masked, and perhaps some already.
  private static TensorProgram mask(TensorProgram program, List<Integer> experts) {
    if (experts.isEmpty()) {
      return program;
    }
    return switch (program) {
      case Copy _,
          Rows _,
          WeightedSum _,
          MixedRows _,
          MergedMatrices _,
          Stack _,
          ZeroSmallest _,
          Quantized _ ->
          new Mask(program, experts);
      case Mask mask ->
          new Mask(
              mask.of(),
              IntStream.concat(
                      mask.experts().stream().mapToInt(Integer::intValue),
                      experts.stream().mapToInt(Integer::intValue))
                  .distinct()
                  .sorted()
                  .boxed()
                  .toList());
    };
  }
}
