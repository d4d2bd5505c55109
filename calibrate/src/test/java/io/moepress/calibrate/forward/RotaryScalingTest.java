package io.moepress.calibrate.forward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import io.moepress.formats.FormatException;
import io.moepress.formats.checkpoint.ModelConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RotaryScalingTest {

  private static double[] inverse(String config, int width) {
    RotaryFrequencies frequencies = RotaryFrequencies.of(ModelConfig.parse(config), width);
    assertThat(frequencies.magnitude()).isEqualTo(1);
    return frequencies.inverse();
  }

  private static void assertInverse(String config, double... expected) {
    // A power and a division, each within an ulp or so.
    assertThat(inverse(config, 2 * expected.length)).containsExactly(expected, within(1e-14));
  }

  /// `100^(-2i/8)` for i = 0 to 3.
  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"rope_parameters\": {\"rope_theta\": 100.0, \"rope_type\": \"default\"}}",
        "{\"rope_parameters\": {\"rope_theta\": 100}}",
        "{\"rope_theta\": 100.0}",
        "{\"rope_theta\": 100.0, \"rope_scaling\": null}",
        "{\"rope_theta\": 100.0, \"rope_parameters\": null}",
        "{\"rope_theta\": 100.0, \"rope_scaling\": {\"rope_type\": \"default\"}}",
        "{\"rope_theta\": 100.0, \"rope_scaling\": {\"type\": \"default\"}}",
        "{\"rope_theta\": 5, \"rope_parameters\": {\"rope_theta\": 100, \"rope_type\": \"default\"}}",
      })
  void theBaseFrequenciesUnderAnySpelling(String config) {
    assertInverse(config, 1, 0.31622776601683794, 0.1, 0.0316227766016838);
  }

  @Test
  void withoutABaseItIsTenThousand() {
    assertInverse("{}", 1, 0.01);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"rope_parameters\":"
            + " {\"rope_theta\": 100.0, \"rope_type\": \"linear\", \"factor\": 4.0}}",
        "{\"rope_theta\": 100, \"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 4}}",
        "{\"rope_theta\": 100, \"rope_scaling\": {\"type\": \"linear\", \"factor\": 4}}",
      })
  void linearScalingDividesAll(String config) {
    assertInverse(config, 0.25, 0.025);
  }

  /// With an original context of 200π positions, base frequency `b` makes 100 b waves in it. Fewer
  /// than 1 wave: divided by the factor of 8; more than 4: as it is; between, by how far it is from
  /// 1 to 4.
  @ParameterizedTest
  @CsvSource({
    "1e0, 1", // 100 waves
    "1e-1, 0.1", // 10 waves
    "4e-2, 0.04", // 4 waves: the boundary is unscaled
    "1e-2, 0.00125", // 1 wave: the boundary is divided
    "1e-3, 0.000125", // a tenth of a wave
    "2.5e-2, 0.0140625", // 2.5 waves: half of each
  })
  void llama3ScalingDividesTheLongWaves(double base, double expected) {
    // Of two frequencies the second is θ^(-1/2).
    String config =
        "{\"rope_theta\": "
            + 1 / (base * base)
            + ", \"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 1,"
            + " \"high_freq_factor\": 4, \"original_max_position_embeddings\": "
            + 200 * Math.PI
            + "}}";

    assertThat(inverse(config, 4)[1]).isCloseTo(expected, within(1e-12 * base));
  }

  @ParameterizedTest
  @CsvSource({
    "linear, factor",
    "llama3, factor",
    "llama3, low_freq_factor",
    "llama3, high_freq_factor",
    "llama3, original_max_position_embeddings",
  })
  void aMissingNumberIsNamed(String type, String missing) {
    String config =
        ("{\"rope_scaling\": {\"rope_type\": \"TYPE\", \"factor\": 8, \"low_freq_factor\": 1,"
                + " \"high_freq_factor\": 4, \"original_max_position_embeddings\": 64}}")
            .replace("TYPE", type)
            .replace("\"" + missing + "\"", "\"other\"");

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> RotaryFrequencies.of(ModelConfig.parse(config), 4))
        .withMessage("config.json: rotary scaling \"%s\" needs a number \"%s\"", type, missing);
  }
}
