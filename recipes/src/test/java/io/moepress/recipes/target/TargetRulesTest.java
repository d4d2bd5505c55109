package io.moepress.recipes.target;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.recipes.target.TargetRules.Finding;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import org.junit.jupiter.api.Test;

class TargetRulesTest {

  @Test
  void sglangFallsBackWhenBiasedRoutersDoNotHaveAPowerOfTwoExperts() throws IOException {
    assertThat(check(Target.SGLANG, "tiny-deepseekv3", "n_routed_experts", 12))
        .containsExactly(
            new Finding(
                false,
                "sglang: 12 experts are not a power of two; its fast kernel for biased routing"
                    + " needs one and it falls back to a slower one"));
    assertThat(check(Target.SGLANG, "tiny-deepseekv3", "n_routed_experts", 8)).isEmpty();
    assertThat(check(Target.SGLANG, "tiny-mixtral", "num_local_experts", 6)).isEmpty();
  }

  @Test
  void llamaCppHoldsAtMost512Experts() throws IOException {
    assertThat(check(Target.LLAMA_CPP, "tiny-mixtral", "num_local_experts", 512)).isEmpty();
    assertThat(check(Target.LLAMA_CPP, "tiny-mixtral", "num_local_experts", 513))
        .containsExactly(
            new Finding(
                true,
                "llama.cpp: 513 experts (expected at most 512). Keep fewer, or choose another"
                    + " target"));
  }

  @Test
  void theOthersLoadAnyCount() throws IOException {
    for (Target target : List.of(Target.TRANSFORMERS, Target.VLLM, Target.RESEARCH)) {
      assertThat(check(target, "tiny-mixtral", "num_local_experts", 777)).isEmpty();
    }
  }

  private static List<Finding> check(Target target, String model, String countKey, int experts)
      throws IOException {
    String config = Files.readString(TestData.path("models/" + model + "/config.json"));
    return TargetRules.check(
        target, ModelLayout.of(ModelConfig.parse(config).with(countKey, experts)));
  }
}
