package io.moepress.formats.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.Refusal;
import io.moepress.formats.architecture.GoldenCheckpoints.Headers;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.lowprecision.BlockFp8;
import io.moepress.formats.lowprecision.Mxfp4;
import io.moepress.formats.lowprecision.SourceScheme;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Checkpoints that store tensors in low precision, as several.
class LowPrecisionSourcesTest {
  private static final String FP8 = "deepseek_v3_fp8_block16";
  private static final String MXFP4 = "gpt_oss_mxfp4";
  private static final TensorId EXPERT = new TensorId(TensorRole.EXPERT_UP, 1, 3);
  private static final String UP = "model.layers.1.mlp.experts.3.up_proj.weight";
  private static final TensorId STACK = TensorId.ofLayer(TensorRole.EXPERTS_GATE_UP, 2);
  private static final String GATE_UP = "model.layers.2.mlp.experts.gate_up_proj";

  @ParameterizedTest
  @ValueSource(strings = {FP8, MXFP4})
  void haveOneRoleForAllPartsOfATensor(String name) throws IOException {
    try (CheckpointDirectory checkpoint = open(name)) {
      MoeModel model = MoeModel.of(checkpoint);
      Set<String> parts = new TreeSet<>();
      for (TensorId id : model.inventory().names().keySet()) {
        model.parts(id).forEach(part -> assertThat(parts.add(part.name())).isTrue());
        assertThat(model.info(id).shape()).isEqualTo(model.layout().shape(id.role()));
      }
      assertThat(parts).isEqualTo(checkpoint.tensors().keySet());
    }
  }

  @Test
  void fp8IsReadAsNumbers() throws IOException {
    try (CheckpointDirectory checkpoint = open(FP8);
        Arena arena = Arena.ofConfined()) {
      MoeModel model = MoeModel.of(checkpoint);

      assertThat(model.info(EXPERT)).isEqualTo(new TensorInfo(UP, DType.F8_E4M3, Shape.of(16, 32)));
      assertThat(model.parts(EXPERT))
          .extracting(TensorInfo::name)
          .containsExactly(UP, UP + "_scale_inv");
      assertThat(model.read(EXPERT, arena).info())
          .isEqualTo(new TensorInfo(UP, DType.F32, Shape.of(16, 32)));
    }
  }

  @Test
  void oneExpertOfAStackIsReadByItself() throws IOException {
    try (CheckpointDirectory checkpoint = open(MXFP4);
        Arena arena = Arena.ofConfined()) {
      MoeModel model = MoeModel.of(checkpoint);
      float[] whole = Numbers.floats(model.read(STACK, arena));
      float[] slice = Numbers.floats(model.readSlice(STACK, 4, arena));

      assertThat(model.info(STACK))
          .isEqualTo(new TensorInfo(GATE_UP, DType.F4, Shape.of(6, 64, 32)));
      assertThat(slice)
          .hasSize(64 * 32)
          .isEqualTo(Arrays.copyOfRange(whole, 4 * 64 * 32, 5 * 64 * 32));
    }
  }

  @Test
  void countNumbersAndNotWhatTheyAreStoredAs() throws IOException {
    try (CheckpointDirectory fp8 = open(FP8);
        CheckpointDirectory mxfp4 = open(MXFP4);
        CheckpointDirectory whole =
            CheckpointDirectory.open(TestData.path("golden/arch/gpt_oss"))) {
      long scales =
          fp8.tensors().values().stream()
              .filter(info -> info.name().endsWith("_scale_inv"))
              .mapToLong(info -> info.shape().elementCount())
              .sum();
      assertThat(MoeModel.of(fp8).parameterCount()).isEqualTo(fp8.parameterCount() - scales);
      assertThat(MoeModel.of(mxfp4).parameterCount()).isEqualTo(whole.parameterCount());
    }
  }

  @Test
  void gptOssHasAWayForEachOfItsTwoForms() throws IOException {
    Headers whole = GoldenCheckpoints.headers("gpt_oss");
    try (CheckpointDirectory encoded = open(MXFP4)) {
      assertThat(storage(MoeModel.of(whole))).isEqualTo("experts of a layer stacked");
      assertThat(storage(MoeModel.of(encoded))).isEqualTo("experts of a layer stacked in MXFP4");
    }
  }

  private static String storage(MoeModel model) {
    return model.layout().storage().orElseThrow().name();
  }

  @Test
  void aSchemeIsWhatTheConfigurationSays() {
    assertThat(SourceScheme.of(ModelConfig.parse("{}"))).isEmpty();
    assertThat(SourceScheme.of(scheme("{\"quant_method\": \"mxfp4\"}"))).contains(new Mxfp4());
    assertThat(
            SourceScheme.of(
                scheme(
                    "{\"quant_method\": \"fp8\", \"fmt\": \"float8_e4m3fn\", \"weight_block_size\": [128, 64]}")))
        .contains(new BlockFp8(128, 64));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "{'quant_method': 'awq'} | quant_method is \"awq\"",
        "{'bits': 4} | quant_method is \"\"",
        "{'quant_method': 'fp8'} | weight_block_size is missing",
        "{'quant_method': 'fp8', 'weight_block_size': [128]} | weight_block_size is [128]",
        "{'quant_method': 'fp8', 'weight_block_size': [0, 128]} | weight_block_size is [0,128]",
        "{'quant_method': 'fp8', 'weight_block_size': [8, 8], 'fmt': 'e5m2'} | fmt is \"e5m2\"",
        "{'quant_method': 'fp8', 'weight_block_size': [8, 8], 'activation_scheme': 'static'}"
            + " | activation_scheme is \"static\""
      })
  void anyOtherSchemeIsRefused(String text, String problem) {
    assertThat(Refusal.of(() -> SourceScheme.of(scheme(text.replace('\'', '"')))))
        .startsWith("config.json: quantization_config: " + problem + ", which cannot be read.")
        .endsWith("Use the BF16 or F16 original.");
  }

  private static ModelConfig scheme(String text) {
    return ModelConfig.parse("{\"quantization_config\": " + text + "}");
  }

  @Test
  void aPartThatIsMissingIsNamed() throws IOException {
    assertThat(Refusal.of(() -> headers(FP8).without(UP + "_scale_inv").inventory()))
        .contains("tensor " + UP + "_scale_inv is missing")
        .contains("FP8 E4M3 in blocks of 16 × 16");
    assertThat(Refusal.of(() -> headers(FP8).without(UP).inventory()))
        .contains("tensor " + UP + "_scale_inv belongs to none");
    assertThat(Refusal.of(() -> headers(MXFP4).without(GATE_UP + "_scales").inventory()))
        .contains("tensor " + GATE_UP + "_scales is missing");
    assertThat(Refusal.of(() -> headers(MXFP4).without(GATE_UP + "_blocks").inventory()))
        .contains("tensor " + GATE_UP + "_scales belongs to none");
  }

  @Test
  void partsThatDoNotFitAreNamed() throws IOException {
    assertThat(Refusal.of(() -> headers(FP8).with(UP + "_scale_inv", 2, 2).inventory()))
        .contains("tensor " + UP + "_scale_inv: shape [2, 2] (expected [1, 2]")
        .contains("blocks of 16 × 16");
    assertThat(Refusal.of(() -> headers(MXFP4).with(GATE_UP + "_scales", 6, 64, 1).inventory()))
        .contains("tensor " + GATE_UP + "_scales: F32 [6, 64, 1] (expected U8 [6, 64, 1]");
    assertThat(Refusal.of(() -> bytes(MXFP4, GATE_UP + "_blocks", 6, 64, 16).inventory()))
        .contains("_scales: U8 [6, 64, 1] (expected U8 [6, 64]");
    assertThat(Refusal.of(() -> bytes(MXFP4, GATE_UP + "_blocks", 6, 64, 1, 32).inventory()))
        .contains("_blocks: shape [6, 64, 1, 32] (expected [..., blocks, 16])");
    assertThat(Refusal.of(() -> headers(MXFP4).with(GATE_UP, 6, 64, 32).inventory()))
        .contains("tensor " + GATE_UP + " is there twice");
  }

  @Test
  void withoutTheSchemePartsHaveNoRole() throws IOException {
    Headers fp8 = headers(FP8);
    ModelConfig plain =
        ModelConfig.parse(fp8.config().text().replace("quantization_config", "was_config"));

    assertThat(Refusal.of(() -> new Headers(plain, fp8.tensors()).inventory()))
        .contains("have no role in the architecture deepseek_v3", "_scale_inv");
  }

  @Test
  void aDraftForAnUnknownFamilySeesThroughTheParts() throws IOException {
    Headers fp8 = headers(FP8);
    String text = fp8.config().text().replace("\"deepseek_v3\"", "\"banana\"");

    ArchitectureDraft draft =
        ArchitectureDraft.of(new Headers(ModelConfig.parse(text), fp8.tensors()));

    assertThat(draft.undecided()).noneMatch(line -> line.startsWith("tensor"));
    assertThat(draft.architecture().toString()).contains("expert-up").doesNotContain("_scale_inv");
  }

  private static Headers headers(String name) throws IOException {
    try (CheckpointDirectory checkpoint = open(name)) {
      return new Headers(checkpoint.config(), new TreeMap<>(checkpoint.tensors()));
    }
  }

  private static Headers bytes(String name, String tensor, long... shape) throws IOException {
    Headers headers = headers(name);
    SortedMap<String, TensorInfo> changed = new TreeMap<>(headers.tensors());
    changed.put(tensor, new TensorInfo(tensor, DType.U8, Shape.of(shape)));
    return new Headers(headers.config(), changed);
  }

  private static CheckpointDirectory open(String name) throws IOException {
    return CheckpointDirectory.open(TestData.path("golden/lowprecision/" + name));
  }
}
