package io.moepress.formats.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.Refusal;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every shipped architecture file against checkpoints of the reference implementation.
class ArchitectureCatalogTest {
  @TempDir private Path folder;

  /// Roles of tensors with a row or an element for each expert.
  private static final Set<TensorRole> ONE_EACH =
      Set.of(TensorRole.ROUTER, TensorRole.ROUTER_BIAS, TensorRole.SELECTION_BIAS);

  static Set<String> families() {
    return ArchitectureCatalog.all().keySet();
  }

  /// Checkpoints of the families there are files for.
  static List<Path> checkpoints() throws IOException {
    List<Path> checkpoints = new ArrayList<>();
    for (String parent : List.of("golden/arch", "models")) {
      try (Stream<Path> children = Files.list(TestData.path(parent))) {
        checkpoints.addAll(children.sorted().toList());
      }
    }
    checkpoints.removeIf(path -> !families().contains(family(path)));
    return checkpoints;
  }

  private static String family(Path directory) {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(directory)) {
      return checkpoint.config().modelType();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  static List<TinyMoe> tinyModels() {
    return List.of(TinyMoe.qwen3(), TinyMoe.mixtral(), TinyMoe.qwen3().tied());
  }

  @Test
  void everyFamilyHasAGoldenCheckpoint() throws IOException {
    List<String> golden = checkpoints().stream().map(ArchitectureCatalogTest::family).toList();

    assertThat(ArchitectureCatalog.all().values())
        .hasSizeGreaterThan(1)
        .allSatisfy(family -> assertThat(family.modelTypes()).containsAnyElementsOf(golden));
  }

  @ParameterizedTest
  @MethodSource("checkpoints")
  void everyTensorHasExactlyOneRoleAndTheRightShape(Path directory) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(directory)) {
      MoeModel model = MoeModel.of(checkpoint);
      Map<TensorId, String> names = model.inventory().names();
      assertThat(names.values())
          .containsExactlyInAnyOrderElementsOf(checkpoint.tensors().keySet())
          .doesNotHaveDuplicates();
      for (TensorId id : names.keySet()) {
        assertThat(model.info(id).shape())
            .as(names.get(id))
            .isEqualTo(model.layout().shape(id.role()));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("tinyModels")
  void expertsAndRouterHaveTheNamesOfTheFamily(TinyMoe moe) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe.write(folder))) {
      MoeModel model = MoeModel.of(checkpoint);
      assertThat(model.layout().moeLayers()).containsExactly(0, 1);
      assertThat(model.inventory().name(TensorId.ofLayer(TensorRole.ROUTER, 1)))
          .isEqualTo(moe.family().router(1));
      assertThat(model.inventory().name(new TensorId(TensorRole.EXPERT_GATE, 1, 3)))
          .isEqualTo(moe.family().gate(1, 3));
      assertThat(model.inventory().name(new TensorId(TensorRole.EXPERT_UP, 1, 3)))
          .isEqualTo(moe.family().up(1, 3));
      assertThat(model.inventory().name(new TensorId(TensorRole.EXPERT_DOWN, 1, 3)))
          .isEqualTo(moe.family().down(1, 3));
      assertThat(model.inventory().names()).hasSize(moe.tensors().size());
    }
  }

  @ParameterizedTest
  @MethodSource("families")
  void axisOfTheExpertsIsThatOfTheRouter(String family) throws IOException {
    for (Path directory : checkpoints()) {
      if (family(directory).equals(family)) {
        try (CheckpointDirectory checkpoint = CheckpointDirectory.open(directory)) {
          ModelLayout layout = ModelLayout.of(checkpoint.config());
          assertThat(layout.expertAxis(TensorRole.ROUTER)).isZero();
          assertThat(layout.expertAxis(TensorRole.EMBEDDING)).isEqualTo(-1);
          for (TensorRole role : layout.roles()) {
            assertThat(layout.expertAxis(role))
                .isEqualTo(
                    role.scope() == TensorRole.Scope.ALL_EXPERTS || ONE_EACH.contains(role)
                        ? 0
                        : -1);
          }
        }
      }
    }
  }

  @Test
  void unknownFamilyIsToldWhatToDo() {
    assertThat(Refusal.of(() -> ArchitectureCatalog.named("banana")))
        .isEqualTo(
            "config.json: unknown architecture: model_type banana (expected one of "
                + String.join(", ", families())
                + "). To teach it to moepress, write banana.json and give it with --architecture;"
                + " moepress inspect MODEL --draft-architecture -o banana.json begins it.");
  }
}
