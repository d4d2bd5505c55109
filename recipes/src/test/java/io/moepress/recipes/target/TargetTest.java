package io.moepress.recipes.target;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class TargetTest {

  @Test
  void fiveTargetsHaveNames() {
    assertThat(Target.labels())
        .containsExactly("transformers", "vllm", "sglang", "llama.cpp", "research");
  }

  @Test
  void everyTargetIsFoundByItsName() {
    assertThat(Target.labels().stream().map(Target::named))
        .allSatisfy(target -> assertThat(target).isPresent())
        .extracting(target -> target.orElseThrow())
        .containsExactly(Target.values());
  }

  @Test
  void anUnknownNameFindsNothing() {
    assertThat(Target.named("VLLM")).isEmpty();
  }
}
