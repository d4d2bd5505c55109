package io.moepress.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.moepress.formats.integer.IntegerGrid;
import io.moepress.formats.integer.IntegerMatrix;
import io.moepress.formats.integer.IntegerMatrix.Sharing;
import io.moepress.formats.json.Json;
import io.moepress.formats.tensor.DType;
import io.moepress.quantize.Gptq.GroupScales;
import io.moepress.quantize.Gptq.Order;
import io.moepress.quantize.Gptq.Solution;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/// GPTQ worked out in float64 by an implementation that inverts the Hessian.
class GptqGoldenTest {
  private static JsonNode golden;
  private static float[] weights;
  private static int rows;
  private static int columns;
  private static double[] hessian;

  @BeforeAll
  static void read() throws IOException {
    golden = Json.object(TestData.path("golden/gptq.json"));
    rows = golden.get("W").size();
    columns = golden.get("W").get(0).size();
    weights = floats(golden.get("W"));
    hessian = Drawn.hessian(floats(golden.get("X")), columns);
  }

  private static float[] floats(JsonNode matrix) {
    List<Float> numbers = new ArrayList<>();
    matrix.forEach(row -> row.forEach(number -> numbers.add((float) number.asDouble())));
    float[] floats = new float[numbers.size()];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = numbers.get(i);
    }
    return floats;
  }

  /// Scales that are not rounded to a stored type.
  private record Exact(int bits) implements Rounding {

    @Override
    public Step step(double[] numbers, int from, int to) {
      double largest = 0;
      for (int i = from; i < to; i++) {
        largest = Math.max(largest, Math.abs(numbers[i]));
      }
      return new Step(largest / (((1 << bits) - 1) / 2.0), 0);
    }

    @Override
    public int code(double number, Step step) {
      int half = 1 << (bits - 1);
      return (int) Math.clamp(Math.rint(number / step.scale()), -half, half - 1);
    }

    @Override
    public double value(int code, Step step) {
      return code * step.scale();
    }
  }

  private static Gptq options(JsonNode variant, int blockSize) {
    return new Gptq(
        variant.get("damping").asDouble(),
        0,
        variant.get("activation_order").asBoolean() ? Order.ACTIVATION : Order.STORED,
        variant.get("static_groups").asBoolean() ? GroupScales.ORIGINAL : GroupScales.UPDATED,
        blockSize,
        new Extremes());
  }

  private static Sharing sharing(JsonNode variant) {
    return new Sharing.Group(variant.get("group_size").asInt());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 16, 24, 128})
  void codesScalesAndLossesAreTheSameWithAnyBlocks(int blockSize) {
    for (JsonNode variant : golden.get("cases")) {
      Gptq gptq = options(variant, blockSize);
      GptqFactor factor = gptq.factor(hessian, columns, Drawn.ALGEBRA);

      Rounding exact = new Exact(variant.get("bits").asInt());
      Solution found = gptq.solve(weights, rows, factor, sharing(variant), exact);

      int at = 0;
      for (JsonNode row : variant.get("codes")) {
        for (JsonNode code : row) {
          assertThat(found.codes()[at]).isEqualTo((byte) code.asInt());
          at++;
        }
      }
      int group = 0;
      for (JsonNode row : variant.get("scales")) {
        for (JsonNode scale : row) { // of twelve digits
          assertThat(found.steps()[group].scale())
              .isCloseTo(scale.asDouble(), within(1e-11 * scale.asDouble()));
          group++;
        }
      }
      double loss = variant.get("hessian_weighted_loss").asDouble();
      assertThat(found.loss()).isCloseTo(loss, within(1e-9));
      assertThat(factor.deadColumns()).containsExactly(7);
    }
  }

  @Test
  void lossesOfStoredMatricesAreWithinOnePercent() {
    for (JsonNode variant : golden.get("cases")) {
      Gptq gptq = options(variant, 128);
      GptqFactor factor = gptq.factor(hessian, columns, Drawn.ALGEBRA);
      IntegerGrid grid = new IntegerGrid(variant.get("bits").asInt(), true);

      StoredGrid scheme = new StoredGrid(grid, sharing(variant), DType.F32);
      Gptq.Result result = gptq.encode(weights, rows, factor, scheme);

      double loss = variant.get("hessian_weighted_loss").asDouble();
      assertThat(result.report().loss()).isCloseTo(loss, withinPercentage(1));
      assertThat(factor.loss(weights, result.matrix())).isCloseTo(loss, withinPercentage(1));
    }
  }

  @Test
  void lossesOfRoundingToTheNearestAreTheSame() {
    GptqFactor factor = Gptq.DEFAULT.factor(hessian, columns, Drawn.ALGEBRA);
    NearestRounding nearest = new NearestRounding(new Extremes());
    for (Map.Entry<String, JsonNode> each : golden.get("round_to_nearest_loss").properties()) {
      int comma = each.getKey().indexOf(',');
      int bits = Integer.parseInt(each.getKey().substring(0, comma));
      int group = Integer.parseInt(each.getKey().substring(comma + 1));
      StoredGrid scheme =
          new StoredGrid(new IntegerGrid(bits, true), new Sharing.Group(group), DType.F32);

      IntegerMatrix matrix = nearest.encode(weights, rows, scheme);

      // The largest of a group lies between two codes; of which it gets, rounding decides.
      double loss = each.getValue().asDouble();
      assertThat(factor.loss(weights, matrix)).isCloseTo(loss, withinPercentage(1));
    }
  }
}
