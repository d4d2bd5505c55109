package io.moepress.quantize;

import io.moepress.formats.json.Json;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.BitAllocation;
import io.moepress.recipes.plan.BitAllocation.Choice;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;

/// What the reference implementation says of `tiny-mixtral`.
final class Golden {
  static final Path MODEL = TestData.path("models/tiny-mixtral");

  private final JsonNode methods;

  private Golden(JsonNode methods) {
    this.methods = methods;
  }

  static Golden read() throws IOException {
    return new Golden(Json.object(TestData.path("golden/models/tiny-mixtral.methods.json")));
  }

  /// What PMQ wants to know of every layer.
  Evidence pmqEvidence() {
    SortedMap<Integer, Evidence.Layer> layers = new TreeMap<>();
    for (int layer = 0; layer < 4; layer++) {
      JsonNode pmq = pmq(layer);
      JsonNode errors = pmq.get("error_1_2_3_bits_group128");
      double[][] epsilon = new double[errors.size()][];
      for (int expert = 0; expert < epsilon.length; expert++) {
        epsilon[expert] = numbers(errors.get(expert));
      }
      layers.put(
          layer, layer(numbers(pmq.get("frequency")), numbers(pmq.get("gate_weight")), epsilon));
    }
    return new Evidence("", 512, List.of(), layers);
  }

  JsonNode pmq(int layer) {
    return methods.get("layers").get(String.valueOf(layer)).get("pmq");
  }

  JsonNode alphaq() {
    return methods.get("alphaq");
  }

  /// Evidence of a layer.
  ///
  /// @param errors of each expert, at 1, 2 and 3 bits
  static Evidence.Layer layer(double[] frequency, double[] score, double[][] errors) {
    Map<Statistic, double[][]> values = new EnumMap<>(Statistic.class);
    values.put(Statistic.ROUTED_TOKENS, new double[][] {frequency});
    values.put(Statistic.ROUTER_SCORE_SUM, new double[][] {score});
    for (int bits = 1; bits <= 3; bits++) {
      double[] squares = new double[errors.length];
      for (int expert = 0; expert < errors.length; expert++) {
        squares[expert] = errors[expert][bits - 1] * errors[expert][bits - 1];
      }
      values.put(Statistic.roundingError(bits), new double[][] {squares});
    }
    return new Evidence.Layer(frequency.length, values);
  }

  static double[] numbers(JsonNode list) {
    return list.valueStream().mapToDouble(JsonNode::asDouble).toArray();
  }

  static List<Integer> integers(JsonNode list) {
    return list.valueStream().map(JsonNode::asInt).toList();
  }

  static List<Integer> bits(BitAllocation allocation) {
    return allocation.choices().stream().map(Choice::bits).toList();
  }
}
