package io.moepress.calibrate.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.moepress.calibrate.corpus.Corpora;
import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.forward.PassResources;
import io.moepress.formats.architecture.ExpertMatrix.Projection;
import io.moepress.formats.architecture.LinearInput;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.formats.json.Json;
import io.moepress.formats.tensor.Numbers;
import io.moepress.recipes.plan.ExpertId;
import io.moepress.recipes.plan.HessianOptions;
import io.moepress.recipes.plan.LayerCodes;
import io.moepress.recipes.plan.QuantizeOptions;
import io.moepress.recipes.plan.QuantizeWeights.Part;
import io.moepress.recipes.plan.StarvedCodes;
import io.moepress.recipes.planning.ExpertSchemes;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/// What a method that finds codes gets to see of maps that are of no expert, and of experts of
/// different widths. The sums are those that hooks in transformers formed.
class OtherCodesTest {
  private static final int SPARSE = 1; // a layer of qwen2_moe with experts
  private static final IntegerScheme SCHEME = new IntegerScheme(4, false, IntegerScheme.CHANNEL);
  private static final IntegerScheme WIDE = new IntegerScheme(8, false, IntegerScheme.CHANNEL);
  private static final HessianOptions AT_ONCE =
      new HessianOptions(false, 0, 1, StarvedCodes.ROUND_TO_NEAREST);

  @TempDir private Path folder;
  private final Looking method = new Looking(AT_ONCE);

  /// Sums of squares that two implementations round differently, tokens by tens: the diagonal.
  @ParameterizedTest
  @CsvSource({
    "tiny-deepseekv3, models/tiny-deepseekv3",
    "qwen2_moe, golden/arch/qwen2_moe",
    "deepseek_v2, golden/arch/deepseek_v2"
  })
  void mapsOfNoExpertSeeAllThatTheyRead(String key, String directory) throws IOException {
    JsonNode golden = Json.object(TestData.path("golden/linears.json")).get(key);
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(TestData.path(directory))) {
      MoeModel model = MoeModel.of(checkpoint);
      SortedMap<Integer, LayerCodes> codes =
          search(model, corpus(golden), new ExpertSchemes.Same(SCHEME));

      assertThat(codes.keySet())
          .containsExactlyElementsOf(IntStream.range(0, model.layout().layers()).boxed().toList());
      for (TensorId id : model.inventory().names().keySet()) {
        Optional<LinearInput> input = LinearInput.of(id.role());
        if (input.isPresent() && !id.role().isExpert() && isQuantised(id.role())) {
          assertSums(
              seen(model, id), golden.get("layers").get("" + id.layer()).get(input.get().label()));
          Part part = part(codes, id);
          assertThat(part.scheme(TensorId.NONE)).isEqualTo(WIDE);
          assertThat(part.codes(id.role(), TensorId.NONE)).as("%s", id).isNotNull();
        }
      }
    }
  }

  private static boolean isQuantised(TensorRole role) {
    return role != TensorRole.ROUTER && role != TensorRole.SHARED_ROUTER;
  }

  private static void assertSums(double[] hessian, JsonNode golden) {
    int width = golden.get("width").asInt();
    double total = golden.get("sum").asDouble();
    assertThat(hessian).hasSize(width * width);
    double trace = IntStream.range(0, width).mapToDouble(i -> hessian[i * (width + 1)]).sum();
    assertThat(trace).isCloseTo(total, within(1e-4 * total));
    for (int i = 0; i < golden.get("first").size(); i++) {
      double expected = golden.get("first").get(i).asDouble();
      assertThat(hessian[i * (width + 1)]).isCloseTo(expected, within(1e-4 * total));
    }
  }

  /// Every token goes to as many experts, so what those see adds up to that many times what shared
  /// experts see, off the diagonal, too.
  @Test
  void sharedExpertsSeeWhatAllRoutedOnesSeeTogether() throws IOException {
    JsonNode golden = Json.object(TestData.path("golden/linears.json")).get("qwen2_moe");
    try (CheckpointDirectory checkpoint =
        CheckpointDirectory.open(TestData.path("golden/arch/qwen2_moe"))) {
      MoeModel model = MoeModel.of(checkpoint);
      search(model, corpus(golden), new ExpertSchemes.Same(SCHEME));

      double[] shared = seen(model, TensorId.ofLayer(TensorRole.SHARED_GATE, SPARSE));
      double[] sum = new double[shared.length];
      for (int expert = 0; expert < model.layout().experts(SPARSE); expert++) {
        double[] routed = seen(model, new TensorId(TensorRole.EXPERT_GATE, SPARSE, expert));
        Arrays.setAll(sum, i -> sum[i] + routed[i] / model.layout().topK());
      }
      assertThat(shared).containsExactly(sum, within(1e-9 * shared[0]));
    }
  }

  @Test
  void everyMatrixOfAnExpertMayHaveBitsOfItsOwn() throws IOException {
    JsonNode golden = Json.object(TestData.path("golden/linears.json")).get("qwen2_moe");
    try (CheckpointDirectory checkpoint =
        CheckpointDirectory.open(TestData.path("golden/arch/qwen2_moe"))) {
      MoeModel model = MoeModel.of(checkpoint);
      SortedMap<ExpertId, Map<Projection, Integer>> bits = new TreeMap<>();
      for (int layer : model.layout().moeLayers()) {
        for (int expert = 0; expert < model.layout().experts(layer); expert++) {
          bits.put(
              new ExpertId(layer, expert),
              Map.of(Projection.GATE, 2 + expert % 3, Projection.UP, 3, Projection.DOWN, 4));
        }
      }
      SortedMap<Integer, LayerCodes> codes =
          search(model, corpus(golden), new ExpertSchemes.Chosen(SCHEME, bits));

      TensorId gate = new TensorId(TensorRole.EXPERT_GATE, SPARSE, 1);
      assertThat(part(codes, gate).scheme(1).bits()).isEqualTo(3);
      assertThat(part(codes, gate).scheme(2).bits()).isEqualTo(4);
      TensorId down = new TensorId(TensorRole.EXPERT_DOWN, SPARSE, 1);
      assertThat(part(codes, down).schemes()).containsExactly(SCHEME);
      assertThat(method.seen.stream().flatMap(seen -> seen.weights().stream()))
          .extracting(weights -> weights.scheme().bits())
          .contains(2, 3, 4, 8);
    }
  }

  private static Part part(SortedMap<Integer, LayerCodes> codes, TensorId id) {
    return codes.get(id.layer()).step().parts().stream()
        .filter(part -> part.linears().contains(id.role()))
        .findFirst()
        .orElseThrow();
  }

  private SortedMap<Integer, LayerCodes> search(
      MoeModel model, Corpus corpus, ExpertSchemes schemes) throws IOException {
    QuantizeOptions options =
        new QuantizeOptions(SCHEME, Optional.empty(), Optional.of(WIDE), Optional.empty());
    try (Workers workers = new Workers(2)) {
      return new CodeSearch(method, options, schemes)
          .search(
              new CodeSearch.Question(model, Measured.FINGERPRINT, corpus, 512),
              PassResources.inMemory(workers, Progress.SILENT),
              folder);
    }
  }

  /// The Hessian that came with a matrix.
  private double[] seen(MoeModel model, TensorId id) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      float[] values = Numbers.floats(model.read(id, arena));
      return method.seen.stream()
          .filter(seen ->
              seen.weights().stream().anyMatch(each -> Arrays.equals(each.values(), values)))
          .findFirst()
          .orElseThrow()
          .hessian();
    }
  }

  private static Corpus corpus(JsonNode golden) {
    return Corpora.of(
        StreamSupport.stream(golden.get("ids").spliterator(), false)
            .map(ids -> IntStream.range(0, ids.size()).map(i -> ids.get(i).asInt()).toArray())
            .toArray(int[][]::new));
  }
}
