package io.moepress.testdata;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/// The reference of the planted claims is itself held against the reference implementation.
class NaiveMoeTest {

  private static final int[] TOKENS = {
    71, 84, 7, 75, 26, 70, 82, 83, 78, 64, 19, 30, 71, 62, 18, 78, 33, 60, 77, 49
  };

  @Test
  void agreesWithTheGoldenLogits() throws IOException {
    TinyMoe mixtral =
        TinyMoe.mixtral()
            .vocabulary(96)
            .hidden(32)
            .layers(4)
            .heads(4, 2, 8)
            .experts(6)
            .expertWidth(24);
    NaiveAttention attention = new NaiveAttention(mixtral, 1e6, 7);
    double[][] logits = new NaiveMoe(mixtral, golden(), Map.of(), attention).logits(TOKENS);

    double[] flat = Arrays.stream(logits).flatMapToDouble(Arrays::stream).toArray();
    // float32 sums over 4 layers; an independent float32 implementation was off by up to 8e-6.
    assertThat(flat).containsExactly(goldenLogits(), within(5e-5));
  }

  private static SortedMap<String, TinyTensor> golden() throws IOException {
    SortedMap<String, TinyTensor> tensors = new TreeMap<>();
    NaiveSafetensors.read(TestData.path("golden/arch/mixtral/model.safetensors"))
        .tensors()
        .forEach((name, tensor) -> tensors.put(name, f32(tensor)));
    return tensors;
  }

  private static TinyTensor f32(NaiveSafetensors.Tensor tensor) {
    float[] values = new float[tensor.data().length / 4];
    ByteBuffer.wrap(tensor.data()).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return new TinyTensor(tensor.dtype(), tensor.shape(), values);
  }

  private static double[] goldenLogits() throws IOException {
    String json = Files.readString(TestData.path("golden/arch/mixtral/golden.json"));
    String rows = json.substring(json.indexOf("[["), json.indexOf("]]"));
    return Pattern.compile("-?\\d+(\\.\\d+)?(e-?\\d+)?")
        .matcher(rows)
        .results()
        .map(MatchResult::group)
        .mapToDouble(Double::parseDouble)
        .toArray();
  }
}
