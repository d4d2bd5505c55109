package io.moepress.formats.lowprecision;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.FormatException;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.integer.GptqLayout;
import io.moepress.formats.integer.GptqLayout.Version;
import io.moepress.formats.integer.IntegerMatrix;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class GptqTensorsTest {
  private static final String CONFIG =
      """
      {"quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 16, "sym": true,
       "desc_act": false, "dynamic": {
         "-:.*[.]gate$": {},
         "+:.*layers[.]0[.]": {"bits": 8, "group_size": -1},
         ".*layers[.]1[.]": {"bits": 2}}}}
      """;

  /// More than are decoded at a time.
  private static final int ROWS = 4096 + 96;

  private static final String LAYER = "a.layers.2.up";
  private static final TensorInfo WEIGHT =
      new TensorInfo(LAYER + ".weight", DType.F32, Shape.of(ROWS, 64));

  private static GptqTensors read(String config) {
    return (GptqTensors) SourceScheme.of(ModelConfig.parse(config)).orElseThrow();
  }

  @ParameterizedTest
  @CsvSource({"a.layers.0.up, 8, 0", "a.layers.1.up, 2, 16", "a.layers.2.up, 4, 16"})
  void theFirstPatternThatMatchesCounts(String layer, int bits, int groupSize) {
    assertThat(read(CONFIG).declared(layer)).contains(new IntegerScheme(bits, true, groupSize));
  }

  @Test
  void whatIsExceptedHasNoScheme() {
    for (String layer : List.of("a.layers.0.gate", "lm_head")) {
      assertThat(read(CONFIG).declared(layer)).isEmpty();
      assertThat(read(CONFIG).excepts(layer)).isTrue();
    }
    String withHead = CONFIG.replace("\"bits\": 4", "\"lm_head\": true, \"bits\": 4");
    assertThat(read(withHead).declared("lm_head")).isPresent();
  }

  @Test
  void aPatternMayBeOneName() {
    GptqTensors codec = read(CONFIG.replace("-:.*[.]gate$", "-:^a[.]b_1\\\\.up$"));

    assertThat(codec.exceptions().getFirst().name()).contains("a.b_1.up");
    assertThat(codec.excepts("a.b_1.up")).isTrue();
    assertThat(codec.excepts("a.b_1.upper")).isFalse();
    assertThat(codec.excepts("a.b_1xup")).isFalse();
    assertThat(codec.exceptions().get(1).name()).isEmpty();
  }

  @Test
  void aListOfLayersExceptsAllOthers() {
    String listed =
        CONFIG.replace(
            "\"bits\": 4", "\"modules_in_block_to_quantize\": [[\"up\"], [\"down\"]], \"bits\": 4");

    assertThat(read(listed).excepts("a.layers.2.down")).isFalse();
    assertThat(read(listed).excepts("a.layers.2.q_proj")).isTrue();
  }

  /// Codes stand beside each other by the name of the layer, not that of the weight.
  @ParameterizedTest
  @EnumSource(Version.class)
  void aWeightIsReadFromItsParts(Version version) {
    IntegerScheme scheme = new IntegerScheme(4, version == Version.V1, 16);
    String config =
        CONFIG
            .replace("\"sym\": true", "\"sym\": " + scheme.isSymmetric())
            .replace(
                "\"bits\": 4", "\"checkpoint_format\": \"" + version.label() + "\", \"bits\": 4");
    IntegerMatrix matrix = matrix(scheme);
    Map<String, TensorData> parts = new GptqLayout(version).encode(LAYER, matrix);
    SortedMap<String, TensorInfo> infos = new TreeMap<>();
    parts.values().forEach(part -> infos.put(part.info().name(), part.info()));

    StoredTensors stored = StoredTensors.of("test", ModelConfig.parse(config), infos);

    assertThat(stored.info(WEIGHT.name()).shape()).isEqualTo(WEIGHT.shape());
    List<TensorData> ordered = new ArrayList<>();
    stored
        .parts(WEIGHT.name())
        .forEach(info -> ordered.add(requireNonNull(parts.get(info.name()))));
    float[] values = new float[ROWS * 64];
    MemorySegment target = MemorySegment.ofArray(new byte[values.length * Float.BYTES]);
    read(config).decode(ordered, target);
    float[] decoded = target.toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
    assertThat(Arrays.mismatch(decoded, matrix.decode())).isEqualTo(-1);
    assertThat(ordered).allMatch(stored::isSound).allMatch(stored::isFinite);
  }

  private static IntegerMatrix matrix(IntegerScheme scheme) {
    SplittableRandom random = new SplittableRandom(3);
    float[] values = new float[ROWS * 64];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return IntegerMatrix.encode(values, ROWS, scheme.grid(), scheme.sharing(), DType.F16);
  }

  @Test
  void partsThatDoNotFitAreNamed() {
    List<TensorInfo> good =
        infos(new GptqLayout(Version.V1).layout(WEIGHT, new IntegerScheme(4, true, 16)));
    assertThat(read(CONFIG).shape(good)).isEqualTo(WEIGHT.shape());
    for (int place = 0; place < good.size(); place++) {
      List<TensorInfo> bad = new ArrayList<>(good);
      TensorInfo part = good.get(place);
      bad.set(place, new TensorInfo(part.name(), DType.I32, Shape.of(3)));

      assertThatExceptionOfType(FormatException.class)
          .as(part.name())
          .isThrownBy(() -> read(CONFIG).shape(bad));
    }
  }

  private static List<TensorInfo> infos(SortedMap<String, TensorInfo> layout) {
    List<TensorInfo> infos = new ArrayList<>();
    for (String suffix : List.of(".qweight", ".qzeros", ".scales", ".g_idx")) {
      infos.add(requireNonNull(layout.get(suffix)));
    }
    return infos;
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"bits\": 4 | \"bits\": 5 | bits is 5",
        "\"group_size\": 16 | \"group_size\": 0 | group_size is 0",
        "\"bits\": 4 | \"bits\": 4, \"checkpoint_format\": \"gptq_p\" | checkpoint_format is \"gptq_p\"",
        "\"bits\": 4 | \"bits\": 4, \"pack_dtype\": \"int16\" | pack_dtype is \"int16\"",
        "\"bits\": 8 | \"bits\": 7 | bits is 7",
        ".*[.]gate$ | ((gate | cannot be matched",
      })
  void whatCannotBeReadIsRefused(String good, String bad, String problem) {
    assertThat(CONFIG).contains(good);
    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> read(CONFIG.replace(good, bad)))
        .withMessageContaining(problem);
  }
}
