package io.moepress.recipes.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PlanTest {
  private static final Plan PLAN =
      SamplePlans.plan(
          List.of(
              new KeepExperts(
                  0, "easy-ep", "slice", List.of(1, 3), List.of(3), List.of(0.1, 1e-300, 7.0, 0.5)),
              new KeepExperts(
                  2,
                  "easy-ep",
                  "slice",
                  List.of(0, 2),
                  List.of(),
                  List.of(1 / 3.0, 0.0, 2.0, 0.25))));

  @TempDir Path folder;

  @Test
  void whatIsReadIsWhatWasWritten() throws IOException {
    Path file = folder.resolve("plan.json");
    PLAN.write(file);

    assertThat(Plan.read(file)).isEqualTo(PLAN);
    assertThat(Plan.read(file).digest()).isEqualTo(PLAN.digest());
    assertThat(file).hasContent(PLAN.json());
  }

  @Test
  void aPlanWithoutEvidenceSurvivesTheFileToo() throws IOException {
    Plan plan =
        new Plan(
            1,
            "moepress",
            "mixtral",
            null,
            "sha256:0",
            null,
            "vllm",
            PLAN.before(),
            PLAN.after(),
            List.of(),
            List.of());
    plan.write(folder.resolve("plan.json"));

    assertThat(Plan.read(folder.resolve("plan.json"))).isEqualTo(plan);
  }

  @Test
  void thePlanAPersonReads() {
    assertThat(PLAN.json())
        .contains("    \"kind\": \"keep-experts\",\n    \"layer\": 0,\n")
        .contains("    \"kept\": [1, 3],\n")
        .contains("    \"scores\": [0.1, 1.0E-300, 7.0, 0.5]\n")
        .endsWith("}\n");
  }

  @Test
  void aDigestTellsPlansApart() {
    Plan other = SamplePlans.plan(List.of(SamplePlans.keep(0, 4, 1, 2)));

    assertThat(other.digest()).startsWith("sha256:").isNotEqualTo(PLAN.digest());
    assertThat(SamplePlans.plan(PLAN.steps()).digest()).isEqualTo(PLAN.digest());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"method\": \"easy-ep\", | \"metod\": \"easy-ep\", | method",
        "\"layer\": 0,            | \"layer\": 0, \"bits\": 4, | bits",
        "\"layer\": 0,            | '' | layer",
        "[1, 3]                 | [3, 1] | layer 0: kept experts must ascend without repeats: [3, 1]",
        "[1, 3]                 | [1, 1, 3] | must ascend without repeats: [1, 1, 3]",
        "[1, 3]                 | [-1, 3] | must ascend without repeats: [-1, 3]",
        "[1, 3]                 | [1, 4] | layer 0: expert 4 is kept, but there are scores for 4 experts",
        "[1, 3]                 | [] | layer 0: no expert stays",
        "[1, 3]                 | [1, 2] | layer 0: guarded experts [3] must stay",
        "\"slice\"                | \"mask\" | layer 0: router mask (expected one of [slice])",
        "keep-experts             | drop-experts | drop-experts",
        "\"formatVersion\": 1     | \"formatVersion\": 2 | formatVersion 2 (expected 1)",
        "\"formatVersion\": 1,    | '' | formatVersion 0 (expected 1)",
        "\"target\"               | \"target\": \"vllm\", \"target\" | target",
      })
  void anEditThatMakesNoSenseIsRefused(String from, String to, String message) throws IOException {
    Path file = edited(from, to);

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> Plan.read(file))
        .withMessageContaining(file.toString())
        .withMessageContaining(message);
  }

  @Test
  void anEditThatMakesSenseIsRead() throws IOException {
    Plan plan = Plan.read(edited("[1, 3]", "[0, 3]"));

    assertThat(((KeepExperts) plan.steps().getFirst()).kept()).containsExactly(0, 3);
    assertThat(plan.digest()).isNotEqualTo(PLAN.digest());
  }

  private Path edited(String from, String to) throws IOException {
    Path file = folder.resolve("plan.json");
    String text = PLAN.json();
    int at = text.indexOf(from);
    assertThat(at).as("%s in %s", from, text).isNotNegative();
    return Files.writeString(file, text.substring(0, at) + to + text.substring(at + from.length()));
  }

  @Test
  void aPlanThatIsNotThereIsAnError() {
    assertThatExceptionOfType(IOException.class)
        .isThrownBy(() -> Plan.read(folder.resolve("plan.json")))
        .withMessageContaining("plan.json");
  }
}
