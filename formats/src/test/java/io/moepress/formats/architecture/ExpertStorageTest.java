package io.moepress.formats.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.Refusal;
import io.moepress.formats.architecture.Architecture.Storage;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.json.Json;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.testdata.Stacked;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// A checkpoint of a family stores its experts in one of the ways the architecture file lists.
class ExpertStorageTest {
  @TempDir private Path folder;

  static List<TinyMoe> families() {
    return List.of(TinyMoe.qwen3(), TinyMoe.mixtral());
  }

  // Which way it is.

  @ParameterizedTest
  @MethodSource("families")
  void separateExpertsAreRecognised(TinyMoe moe) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe.write(folder))) {
      MoeModel model = MoeModel.of(checkpoint);

      assertThat(model.layout().storage()).isEmpty();
      assertThat(model.layout().roles()).contains(TensorRole.EXPERT_GATE);
      assertThat(model.layout().has(TensorRole.EXPERTS_GATE_UP)).isFalse();
    }
  }

  @ParameterizedTest
  @MethodSource("families")
  void stackedExpertsAreRecognised(TinyMoe moe) throws IOException {
    moe.plant(Stacked.OUTPUT_FIRST);
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe.write(folder))) {
      MoeModel model = MoeModel.of(checkpoint);
      TensorId gateUp = TensorId.ofLayer(TensorRole.EXPERTS_GATE_UP, 1);

      assertThat(model.layout().storage())
          .map(Storage::name)
          .hasValue("experts of a layer stacked");
      assertThat(model.inventory().names().values())
          .containsExactlyInAnyOrderElementsOf(checkpoint.tensors().keySet());
      assertThat(model.inventory().name(gateUp)).isEqualTo(Stacked.gateUp(1));
      assertThat(model.info(gateUp).shape()).isEqualTo(Shape.of(4, 16, 16));
      assertThat(model.layout().expertAxis(TensorRole.EXPERTS_GATE_UP)).isZero();
      assertThat(model.layout().expertAxis(TensorRole.EXPERTS_DOWN)).isZero();
      assertThat(model.inventory().name(TensorId.ofLayer(TensorRole.ROUTER, 0)))
          .isEqualTo(Stacked.router(0));
    }
  }

  /// Hidden size 16 and expert width 8 make the larger tensor square; the smaller one tells.
  @ParameterizedTest
  @EnumSource(Stacked.class)
  void theOrientationThatFitsIsTaken(Stacked stacked) throws IOException {
    ObjectNode tree = Architectures.tree("qwen3_moe");
    ArrayNode storages = (ArrayNode) tree.get("storages");
    for (Stacked other : List.of(Stacked.OUTPUT_FIRST, Stacked.INPUT_FIRST)) {
      ObjectNode storage =
          Json.object(other.architecture(storages.get(0).toString()), "storage").deepCopy();
      storages.add(storage.put("name", other.name()));
    }
    storages.remove(0);
    TinyMoe moe = TinyMoe.qwen3().plant(stacked);
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe.write(folder))) {
      MoeModel model = MoeModel.of(checkpoint, Architectures.bind(tree));

      boolean outputFirst = stacked.name().endsWith("OUTPUT_FIRST");
      assertThat(model.layout().storage())
          .map(Storage::name)
          .hasValue(outputFirst ? "OUTPUT_FIRST" : "INPUT_FIRST");
    }
  }

  @Test
  void aFamilyMayKnowNoSeparateExperts() throws IOException {
    ObjectNode tree = Architectures.tree("mixtral");
    ObjectNode tensors = (ObjectNode) tree.get("tensors");
    tensors.remove(List.of("expert-gate", "expert-up", "expert-down"));
    TinyMoe moe = TinyMoe.mixtral().plant(Stacked.OUTPUT_FIRST);
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe.write(folder))) {
      ModelLayout layout = ModelLayout.of(Architectures.bind(tree), checkpoint.config());

      assertThat(layout.stored()).hasSize(1);
      assertThat(layout.has(TensorRole.EXPERTS_DOWN)).isTrue();
      assertThat(MoeModel.of(checkpoint, Architectures.bind(tree)).layout().storage()).isPresent();
    }
  }

  @Test
  void anotherConfigurationIsStoredInTheSameWay() throws IOException {
    TinyMoe moe = TinyMoe.qwen3().plant(Stacked.OUTPUT_FIRST);
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe.write(folder))) {
      ModelLayout layout = MoeModel.of(checkpoint).layout();

      ModelLayout fewer = layout.with(layout.config().with("num_local_experts", 3));

      assertThat(fewer.shape(TensorRole.EXPERTS_DOWN)).isEqualTo(Shape.of(3, 16, 8));
    }
  }

  // One expert's matrix.

  @Test
  void oneExpertsSliceIsRead() throws IOException {
    TinyMoe moe = TinyMoe.qwen3().plant(Stacked.OUTPUT_FIRST).shards(3);
    float[] all = moe.values(Stacked.down(1));
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe.write(folder));
        Arena arena = Arena.ofConfined()) {
      MoeModel model = MoeModel.of(checkpoint);

      TensorData slice = model.readSlice(TensorId.ofLayer(TensorRole.EXPERTS_DOWN, 1), 2, arena);

      assertThat(slice.info().name()).isEqualTo(Stacked.down(1) + "[2]");
      assertThat(slice.info().shape()).isEqualTo(Shape.of(16, 8));
      assertThat(Numbers.floats(slice)).isEqualTo(Arrays.copyOfRange(all, 2 * 128, 3 * 128));
    }
  }

  // What fits no way.

  @Test
  void bothWaysAtOnceAreRefusedWithWhatIsWrongWithEach() throws IOException {
    TinyMoe split = TinyMoe.qwen3();
    TinyMoe both =
        TinyMoe.qwen3()
            .plant(Stacked.OUTPUT_FIRST)
            .plant((moe, tensors) ->
                split.tensors().forEach((name, tensor) -> tensors.putIfAbsent(name, tensor)));

    assertThat(refusal(both))
        .isEqualTo(
            folder
                + ": experts are stored in none of the ways this architecture knows. If one tensor"
                + " per matrix: "
                + folder
                + ": 4 tensors have no role in the architecture qwen3_moe, for instance "
                + Stacked.down(0)
                + " (config.json says 2 layers and 4 experts);"
                + " if experts of a layer stacked: "
                + folder
                + ": 24 tensors have no role in the architecture qwen3_moe, for instance "
                + split.family().down(0, 0)
                + " (config.json says 2 layers and 4 experts)");
  }

  @Test
  void noExpertsAtAllAreMissedInEveryWay() throws IOException {
    TinyMoe none =
        TinyMoe.qwen3()
            .plant((moe, tensors) ->
                tensors.entrySet().removeIf(tensor -> tensor.getKey().contains(".experts.")));

    assertThat(refusal(none))
        .contains("one tensor per matrix: ")
        .contains("tensor model.layers.0.mlp.experts.0.gate_proj.weight is missing")
        .contains("experts of a layer stacked: ")
        .contains("tensor " + Stacked.gateUp(0) + " is missing");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void aMissingStackIsNamedAlone(int layer) throws IOException {
    TinyMoe moe = TinyMoe.mixtral().plant(Stacked.OUTPUT_FIRST).without(Stacked.gateUp(layer));

    assertThat(refusal(moe))
        .isEqualTo(
            folder
                + ": tensor "
                + Stacked.gateUp(layer)
                + " is missing (config.json says 2 layers and 4 experts)");
  }

  @Test
  void anOrientationTheFamilyDoesNotKnowIsNamedByTheShape() throws IOException {
    assertThat(refusal(TinyMoe.qwen3().expertWidth(6).plant(Stacked.INPUT_FIRST)))
        .isEqualTo(
            folder
                + ": tensor "
                + Stacked.gateUp(0)
                + ": shape [4, 16, 12] (expected [4, 12, 16] from config.json)");
  }

  @Test
  void twoWaysThatCannotBeToldApartAreRefused() throws IOException {
    ObjectNode tree = Architectures.tree("qwen3_moe");
    ArrayNode storages = (ArrayNode) tree.get("storages");
    storages.add(((ObjectNode) storages.get(0)).deepCopy().put("name", "twin"));
    TinyMoe moe = TinyMoe.qwen3().plant(Stacked.OUTPUT_FIRST);
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe.write(folder))) {
      Architecture architecture = Architectures.bind(tree);

      assertThat(Refusal.of(() -> MoeModel.of(checkpoint, architecture)))
          .isEqualTo(
              folder
                  + ": the tensors fit more than one way to store experts: [experts of a layer"
                  + " stacked, twin] (expected one). Mend the architecture file.");
    }
  }

  @Test
  void morePlacesThanExpertsAreNamedByTheShape() throws IOException {
    TinyMoe moe =
        TinyMoe.qwen3().plant(Stacked.OUTPUT_FIRST).config("num_local_experts", "2000000000");

    assertThat(refusal(moe))
        .isEqualTo(
            folder
                + ": tensor "
                + Stacked.router(0)
                + ": shape [4, 16] (expected [2000000000, 16] from config.json)");
  }

  private String refusal(TinyMoe moe) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe.write(folder))) {
      return Refusal.of(() -> MoeModel.of(checkpoint));
    }
  }
}
