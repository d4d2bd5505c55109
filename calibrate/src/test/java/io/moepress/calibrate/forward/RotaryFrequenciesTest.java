package io.moepress.calibrate.forward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.data.Offset.offset;
import static org.assertj.core.data.Percentage.withPercentage;

import io.moepress.formats.FormatException;
import io.moepress.formats.checkpoint.ModelConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RotaryFrequenciesTest {
  /// The expected numbers are written with nine digits.
  private static final double TOLERANCE = 1e-9;

  @Test
  void fallByTheBase() {
    assertInverse(of("\"rope_theta\": 10000.0"), 1, 0.1, 0.01, 0.001);
  }

  @Test
  void readBothSpellings() {
    RotaryFrequencies old =
        of("\"rope_theta\": 500.0, \"rope_scaling\": {\"type\": \"linear\", \"factor\": 4}");
    RotaryFrequencies now =
        of(
            "\"rope_parameters\": {\"rope_type\": \"linear\", \"rope_theta\": 500.0, \"factor\":"
                + " 4.0}");

    assertThat(old.inverse()).isEqualTo(now.inverse());
  }

  @Test
  void areBlendedByYarn() {
    // θ = 10000, d = 8, O = 64: c(32) = 8 · ln(64 / 64π) / (2 · ln 10000) = -0.497, c(1) = 1.008.
    // So low = 0 after clamping, high = 2, and the ramp is 0, 0.5, 1, 1.
    RotaryFrequencies yarn = of(yarn("\"beta_fast\": 32, \"beta_slow\": 1"));

    assertInverse(yarn, 1, 0.05 + 0.05 / 8, 0.01 / 8, 0.001 / 8);
    assertThat(yarn.magnitude()).isEqualTo(0.1 * Math.log(8) + 1, offset(TOLERANCE));
  }

  @Test
  void areBlendedByYarnWithoutRounding() {
    // As above, but the ramp ends at c(1) = 1.008000106: it is 0, 0.992063388, 1, 1.
    RotaryFrequencies yarn = of(yarn("\"truncate\": false"));

    assertInverse(yarn, 1, 0.013194453541, 0.01 / 8, 0.001 / 8);
  }

  @Test
  void takeTheFactorOfYarnFromTheLengths() {
    RotaryFrequencies derived =
        of(
            "\"max_position_embeddings\": 512, \"rope_parameters\": {\"rope_type\": \"yarn\","
                + " \"original_max_position_embeddings\": 64, \"factor\": null}");

    assertThat(derived.inverse()).isEqualTo(of(yarn("\"truncate\": true")).inverse());
  }

  @Test
  void takeTheLengthBeforeYarnFromTheConfig() {
    RotaryFrequencies derived =
        of(
            "\"max_position_embeddings\": 64, \"rope_parameters\": {\"rope_type\": \"yarn\","
                + " \"factor\": 8}");

    assertThat(derived.inverse()).isEqualTo(of(yarn("\"truncate\": true")).inverse());
  }

  @Test
  void haveTheMagnitudeTheConfigStates() {
    double ratio = (0.1 * 0.5 * Math.log(8) + 1) / (0.1 * 2 * Math.log(8) + 1);

    assertThat(of(yarn("\"attention_factor\": 1.5")).magnitude()).isEqualTo(1.5);
    assertThat(of(yarn("\"mscale\": 0.707, \"mscale_all_dim\": 0.707")).magnitude()).isEqualTo(1);
    assertThat(of(yarn("\"mscale\": 0.5, \"mscale_all_dim\": 2")).magnitude())
        .isEqualTo(ratio, offset(TOLERANCE));
    assertThat(of(yarn("\"mscale\": 0.5, \"mscale_all_dim\": 0")).magnitude())
        .isEqualTo(0.1 * Math.log(8) + 1, offset(TOLERANCE));
  }

  @Test
  void scaleTheScoresOfLatentAttention() {
    double magnitude = 0.1 * 0.707 * Math.log(8) + 1;

    assertThat(settings(yarn("\"mscale_all_dim\": 0.707")).scoreFactor())
        .isEqualTo(magnitude * magnitude, offset(TOLERANCE));
    assertThat(settings(yarn("\"mscale\": 0.707")).scoreFactor()).isEqualTo(1);
    assertThat(settings("\"rope_parameters\": {\"mscale_all_dim\": 0.707}").scoreFactor())
        .isEqualTo(1);
  }

  /// The expected numbers are those of transformers 5.18, which are float32.
  @ParameterizedTest
  @CsvSource({
    "1, 0.1, 0.01, 0.001",
    "64, 0.1, 0.01, 0.001",
    "65, 0.0979994609951973, 0.00960389431566, 0.0009411764913238585",
    "100, 0.06751064211130142, 0.0045576863922178745, 0.0003076923021581024",
    "200, 0.047216322273015976, 0.002229380654171109, 0.00010526315600145608"
  })
  void growWithTheLengthWhereScalingIsDynamic(
      int tokens, double second, double third, double fourth) {
    RotaryFrequencies dynamic =
        of(
            "\"max_position_embeddings\": 64, \"rope_parameters\": {\"rope_type\": \"dynamic\","
                + " \"rope_theta\": 10000.0, \"factor\": 4.0}");

    assertThat(dynamic.inverse(tokens))
        .containsExactly(new double[] {1, second, third, fourth}, offset(1e-7));
    assertThat(dynamic.inverse(tokens)[3]).isCloseTo(fourth, withPercentage(1e-4));
    assertThat(dynamic.magnitude()).isEqualTo(1);
  }

  @ParameterizedTest
  @CsvSource({
    "1, 0.06666667014360428, 0.004999999888241291, 0.0002500000118743628",
    "64, 0.06666667014360428, 0.004999999888241291, 0.0002500000118743628",
    "65, 0.03333333507180214, 0.0012499999720603228, 6.25000029685907e-05"
  })
  void haveDivisorsOfTheirOwnInLongrope(int tokens, double second, double third, double fourth) {
    RotaryFrequencies longrope = of(longrope("\"original_max_position_embeddings\": 64"));

    assertThat(longrope.inverse(tokens))
        .containsExactly(new double[] {1, second, third, fourth}, offset(1e-7));
    assertThat(longrope.inverse(tokens)[3]).isCloseTo(fourth, withPercentage(1e-4));
    assertThat(longrope.magnitude()).isEqualTo(1.224744871391589, offset(TOLERANCE));
  }

  @Test
  void haveTheMagnitudeThatLongropeStates() {
    String original = "\"original_max_position_embeddings\": 64, ";

    assertThat(of(longrope(original + "\"factor\": 4.0")).magnitude())
        .isEqualTo(1.1547005383792517, offset(TOLERANCE));
    assertThat(of(longrope(original + "\"attention_factor\": 1.25")).magnitude()).isEqualTo(1.25);
    assertThat(
            of("\"original_max_position_embeddings\": 64, " + longrope("\"factor\": 1.0"))
                .magnitude())
        .isEqualTo(1);
  }

  @Test
  void refuseLongropeThatDoesNotFit() {
    assertRefused(longrope("\"factor\": 4"), "needs a number \"original_max_position_embeddings\"");
    assertRefused(
        longrope("\"original_max_position_embeddings\": 64")
            .replace("[1.0, 1.5, 2.0, 4.0]", "[1.0]"),
        "short_factor has 1 entries (expected 4 numbers)");
    assertRefused(
        longrope("\"original_max_position_embeddings\": 64, \"long_mscale\": 1.2"),
        "with long_mscale (expected without)");
    assertRefused(
        "\"rope_parameters\": {\"rope_type\": \"dynamic\", \"factor\": 4}",
        "\"dynamic\" needs max_position_embeddings");
  }

  private static void assertRefused(String config, String message) {
    assertThatThrownBy(() -> of(config))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining(message);
  }

  /// Longrope up to 512 positions.
  private static String longrope(String more) {
    return "\"max_position_embeddings\": 512, \"rope_parameters\": {\"rope_type\": \"longrope\","
        + " \"rope_theta\": 10000.0, \"short_factor\": [1.0, 1.5, 2.0, 4.0], \"long_factor\": [1.0,"
        + " 3.0, 8.0, 16.0], "
        + more
        + "}";
  }

  @Test
  void refuseAScalingTheyDoNotKnow() {
    assertThatThrownBy(() -> of("\"rope_parameters\": {\"rope_type\": \"mystery\"}"))
        .isInstanceOf(FormatException.class)
        .hasMessage(
            "config.json: rope_type \"mystery\" (expected default, linear, dynamic, llama3, yarn or"
                + " longrope)");
  }

  @Test
  void refuseAScalingWithoutItsNumbers() {
    assertThatThrownBy(() -> of("\"rope_scaling\": {\"type\": \"linear\"}"))
        .isInstanceOf(FormatException.class)
        .hasMessage("config.json: rotary scaling \"linear\" needs a number \"factor\"");
    assertThatThrownBy(() -> of("\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4}"))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("original_max_position_embeddings");
  }

  /// YaRN by the factor 8 from 64 positions.
  private static String yarn(String more) {
    return "\"rope_parameters\": {\"rope_type\": \"yarn\", \"rope_theta\": 10000.0, \"factor\": 8.0,"
        + " \"original_max_position_embeddings\": 64, "
        + more
        + "}";
  }

  /// Frequencies of heads of 8.
  private static RotaryFrequencies of(String config) {
    return RotaryFrequencies.of(ModelConfig.parse("{" + config + "}"), 8);
  }

  private static RotarySettings settings(String config) {
    return RotarySettings.of(ModelConfig.parse("{" + config + "}"));
  }

  private static void assertInverse(RotaryFrequencies frequencies, double... expected) {
    assertThat(frequencies.inverse()).containsExactly(expected, offset(TOLERANCE));
  }
}
