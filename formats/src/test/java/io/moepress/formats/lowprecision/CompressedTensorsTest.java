package io.moepress.formats.lowprecision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.FormatException;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorInfo;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CompressedTensorsTest {
  private static final String GROUPS =
      """
      {"quantization_config": {"quant_method": "compressed-tensors", "format": "pack-quantized",
       "config_groups": {
        "a": {"targets": ["re:.*experts[.][0-9]+[.]up$", "head"], "input_activations": null,
              "weights": {"num_bits": 8, "type": "int", "symmetric": true, "strategy": "channel"}},
        "b": {"targets": ["Linear"],
              "weights": {"num_bits": 4, "type": "int", "symmetric": true, "strategy": "group",
                          "group_size": 32}}}}}
      """;

  private static CompressedTensors read(String config) {
    return (CompressedTensors) SourceScheme.of(ModelConfig.parse(config)).orElseThrow();
  }

  @ParameterizedTest
  @CsvSource({
    "layers.0.experts.17.up.weight, 8, 0",
    "head.weight, 8, 0",
    "layers.0.experts.17.upper.weight, 4, 32",
    "heads.weight, 4, 32",
  })
  void namesComeBeforePatternsBeforeTheClass(String weight, int bits, int groupSize) {
    assertThat(read(GROUPS).scheme(weight)).isEqualTo(new IntegerScheme(bits, true, groupSize));
  }

  @Test
  void theShapeFollowsFromCodesAndScales() {
    assertThat(read(GROUPS).shape(parts("x", Shape.of(6, 8), Shape.of(6, 2))))
        .isEqualTo(Shape.of(6, 64));
    assertThat(read(GROUPS).shape(parts("head", Shape.of(6, 8), Shape.of(6, 1))))
        .isEqualTo(Shape.of(6, 32));
  }

  @ParameterizedTest
  @CsvSource({"6, 8, 6, 3", "6, 8, 5, 2", "6, 9, 6, 2"})
  void partsThatDoNotFitEachOtherAreRefused(int rows, int words, int scaleRows, int groups) {
    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() ->
            read(GROUPS).shape(parts("x", Shape.of(rows, words), Shape.of(scaleRows, groups))))
        .withMessageContaining("x.weight_packed");
  }

  private static List<TensorInfo> parts(String layer, Shape codes, Shape scales) {
    return List.of(
        new TensorInfo(layer + ".weight_packed", DType.I32, codes),
        new TensorInfo(layer + ".weight_scale", DType.BF16, scales),
        new TensorInfo(layer + ".weight_shape", DType.I64, Shape.of(2)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"strategy\": \"group\" | \"strategy\": \"block\" | strategy is \"block\"",
        "\"group_size\": 32 | \"group_size\": 0 | group_size is 0",
        "\"num_bits\": 4 | \"num_bits\": 9 | num_bits is 9",
        "\"type\": \"int\" | \"type\": \"float\" | type is \"float\"",
        "\"input_activations\": null | \"input_activations\": {} | input_activations is {}",
        "pack-quantized | nvfp4-pack-quantized | format is \"nvfp4-pack-quantized\"",
        ".*experts | ((.*experts | cannot be matched",
        ".*experts | ((a{1000}){1000}){10}experts | no counted repeats",
        "\"config_groups\": | \"transform_config\": {\"R1\": {}}, \"config_groups\": | transform_config is there",
        "\"num_bits\": 8, \"type\": \"int\", \"symmetric\": true | \"num_bits\": 8, \"type\": \"int\", \"symmetric\": false | expected one kind",
      })
  void whatCannotBeReadIsRefused(String good, String bad, String problem) {
    assertThat(GROUPS).contains(good);
    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> read(GROUPS.replace(good, bad)))
        .withMessageContaining(problem);
  }

  @Test
  void patternsAreNoMazes() {
    String config = GROUPS.replace(".*experts", "(".repeat(20_000) + ".*experts");

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> read(config))
        .withMessageContaining("at most 512 characters");
  }

  /// A pattern that takes a backtracking matcher longer than the universe has stood.
  @Test
  void patternsOfStrangersTakeLinearTime() {
    String config = GROUPS.replace(".*experts[.][0-9]+[.]up$", "(a*)*(a*)*(a*)*b");

    assertThat(read(config).scheme("a".repeat(5000)).bits()).isEqualTo(4);
  }
}
