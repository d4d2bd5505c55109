package io.moepress.testdata;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.testdata.BrokenSafetensors.Attack;
import java.util.Locale;
import org.junit.jupiter.api.Test;

class BrokenSafetensorsTest {

  @Test
  void namesAreUnique() {
    assertThat(BrokenSafetensors.all()).extracting(Attack::name).doesNotHaveDuplicates();
    assertThat(BrokenSafetensors.legal()).extracting(Attack::name).doesNotHaveDuplicates();
  }

  @Test
  void everyAttackSaysWhatToExpect() {
    assertThat(BrokenSafetensors.all())
        .allSatisfy(attack ->
            assertThat(attack.expectedMessagePart())
                .isNotEmpty()
                .isEqualTo(attack.expectedMessagePart().toLowerCase(Locale.ROOT)));
    assertThat(BrokenSafetensors.legal())
        .allSatisfy(attack -> assertThat(attack.expectedMessagePart()).isEmpty());
  }

  @Test
  void noFileIsLarge() {
    assertThat(BrokenSafetensors.all())
        .allSatisfy(attack -> assertThat(attack.bytes()).hasSizeLessThan(2 << 20));
  }
}
