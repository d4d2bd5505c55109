package io.moepress.prune;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.plan.LinearScope;
import io.moepress.recipes.plan.SparsityMethod;
import io.moepress.recipes.plan.SparsityOptions;
import io.moepress.recipes.plan.SparsityRequest;
import io.moepress.recipes.plan.StarvedMode;
import io.moepress.recipes.plan.ZeroPattern;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class UniformSparsityTest {

  /// The first layer of this model has no experts.
  @ParameterizedTest
  @EnumSource(LinearScope.class)
  void everyLayerThatHasWeightsInScopeGetsThePattern(LinearScope scope) throws IOException {
    ZeroPattern pattern = ZeroPattern.parse("2:4");
    SparsityOptions options = new SparsityOptions(scope, true, StarvedMode.SKIP, 0);
    try (CheckpointDirectory checkpoint =
        CheckpointDirectory.open(TestData.path("models/tiny-deepseekv3"))) {
      MoeModel model = MoeModel.of(checkpoint);
      SparsityRequest request = new SparsityRequest(model, Evidence.of(model), pattern, options);

      for (SparsityMethod method : List.of(new WandaSparsity(), new MagnitudeSparsity())) {
        assertThat(method.comparesLayers()).isFalse();
        assertThat(method.patterns(request).values()).containsOnly(pattern);
        assertThat(method.patterns(request).firstKey())
            .isEqualTo(scope == LinearScope.EXPERTS ? 1 : 0);
        assertThat(method.patterns(request).lastKey()).isEqualTo(model.layout().layers() - 1);
      }
    }
  }
}
