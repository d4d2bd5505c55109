package io.moepress.recipes.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.moepress.formats.FormatException;
import io.moepress.formats.json.Json;
import io.moepress.formats.tensor.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Arrays stand beside the plan and are checked when they are read.
class PlanArrayTest {
  private static final PlanArray NORMS =
      PlanArray.floats("norms", Shape.of(2, 2), () -> new float[] {1, 2.5f, -3, 0});
  private static final PlanArray ORDER =
      PlanArray.ints("order", Shape.of(3), () -> new int[] {2, 0, 1});

  @TempDir private Path folder;

  /// Any document that names arrays.
  private record Document(List<PlanArray> arrays) {}

  @Test
  void whatIsReadIsWhatWasWritten() throws IOException {
    Document read = stored();

    assertThat(read.arrays()).containsExactly(NORMS, ORDER);
    assertThat(read.arrays().getFirst().floats()).containsExactly(1, 2.5f, -3, 0);
    assertThat(read.arrays().getLast().ints()).containsExactly(2, 0, 1);
  }

  @Test
  void numbersStandInTheFileBesideAndNotInTheJson() throws IOException {
    stored();

    assertThat(folder.resolve("plan.arrays.safetensors")).exists();
    assertThat(Files.readString(folder.resolve("plan.json")))
        .contains(NORMS.sha256(), "\"F32\"", "[2, 2]")
        .doesNotContain("2.5");
  }

  @Test
  void otherNumbersAreAnotherArray() {
    PlanArray other = PlanArray.floats("norms", Shape.of(2, 2), () -> new float[] {1, 2.5f, -3, 1});

    assertThat(other).isNotEqualTo(NORMS);
    assertThat(PlanArray.floats("norms", Shape.of(4), () -> new float[] {1, 2.5f, -3, 0}))
        .isNotEqualTo(NORMS);
  }

  @Test
  void aChangedFileIsRefused() throws IOException {
    Document read = stored();
    Path file = folder.resolve("plan.arrays.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length - 1] ^= 1;
    bytes[bytes.length - 13] ^= 1;
    Files.write(file, bytes);

    assertThatExceptionOfType(PlanMismatchException.class)
        .isThrownBy(() -> read.arrays().forEach(PlanArrayTest::read))
        .withMessageContaining("was changed or damaged");
  }

  @Test
  void aPlanWithoutItsArraysSaysWhichFileIsMissing() throws IOException {
    Document read = stored();
    Files.delete(folder.resolve("plan.arrays.safetensors"));

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> read.arrays().getFirst().floats())
        .withMessageContaining("plan.arrays.safetensors: no such file")
        .withMessageContaining("norms");
  }

  /// A plan may stand beside the weights of a checkpoint, `model.json` beside `model.safetensors`.
  @Test
  void noOtherFileIsTouched() throws IOException {
    Path weights = Files.writeString(folder.resolve("model.safetensors"), "weights");

    PlanArrays.beside(folder.resolve("model.json")).write(List.of());
    PlanArrays.beside(folder.resolve("model.json")).write(List.of(NORMS));

    assertThat(weights).hasContent("weights");
  }

  @Test
  void whatAStoppedRunLeftIsInNobodysWay() throws IOException {
    Files.writeString(folder.resolve("plan.arrays.safetensors.partial"), "half");

    assertThat(stored().arrays().getFirst().floats()).hasSize(4);
    assertThat(folder.resolve("plan.arrays.safetensors.partial")).doesNotExist();
  }

  @Test
  void equalBytesOfAnotherShapeAreKeptApart() throws IOException {
    PlanArray flat = PlanArray.floats("flat", Shape.of(4), () -> new float[] {1, 2.5f, -3, 0});
    Path plan = folder.resolve("plan.json");
    PlanArrays.beside(plan).write(List.of(NORMS, flat));

    assertThat(PlanArrays.beside(plan).bytes(NORMS)).isEqualTo(PlanArrays.beside(plan).bytes(flat));
  }

  @Test
  void anArrayIsNotReadAsAnotherType() {
    assertThatIllegalArgumentException()
        .isThrownBy(NORMS::ints)
        .withMessage("array norms: type F32 (expected I32)");
  }

  @Test
  void numbersMustFillTheShape() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> PlanArray.ints("order", Shape.of(4), () -> new int[] {2, 0, 1}))
        .withMessageContaining("12 bytes (expected 16");
  }

  private static void read(PlanArray array) {
    if (array.equals(NORMS)) {
      array.floats();
    } else {
      array.ints();
    }
  }

  private Document stored() throws IOException {
    Path plan = folder.resolve("plan.json");
    PlanArrays.beside(plan).write(List.of(NORMS, ORDER, NORMS));
    Json.write(plan, new Document(List.of(NORMS, ORDER)));
    return Json.read(plan, Document.class, PlanArray.Source.class, PlanArrays.beside(plan));
  }
}
