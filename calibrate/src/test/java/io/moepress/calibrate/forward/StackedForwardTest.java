package io.moepress.calibrate.forward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.calibrate.corpus.Corpora;
import io.moepress.calibrate.corpus.Corpus;
import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.Architecture;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.json.Json;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.testdata.Stacked;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// However experts are stored, the model is the same, to the bit.
class StackedForwardTest {
  private static final Corpus CORPUS = Corpora.of(Corpora.random(3, 32, 12, 7));

  @TempDir private Path folder;

  @ParameterizedTest
  @EnumSource(Stacked.class)
  void logitsAreThoseOfSeparateExperts(Stacked stacked) throws IOException {
    float[] separate = Streamed.logits(moe().write(folder.resolve("separate")), CORPUS, 1);

    float[] together = logits(moe().plant(stacked), stacked);

    assertThat(Arrays.mismatch(together, separate)).isEqualTo(-1);
  }

  @Test
  void anOrderTakenForAnotherIsAnotherModel() throws IOException {
    float[] separate = Streamed.logits(moe().write(folder.resolve("separate")), CORPUS, 1);

    float[] wrong = logits(moe().plant(Stacked.INTERLEAVED_OUTPUT_FIRST), Stacked.OUTPUT_FIRST);

    assertThat(Arrays.mismatch(wrong, separate)).isGreaterThanOrEqualTo(0);
  }

  /// Sizes that are no multiple of the block in which matrices are turned.
  private static TinyMoe moe() {
    return TinyMoe.mixtral().dtype("BF16").hidden(20).expertWidth(9).experts(5);
  }

  @Test
  void aWeightThatIsNoNumberIsNamedWithItsExpert() throws IOException {
    TinyMoe moe =
        moe()
            .topK(5)
            .plant((tiny, tensors) ->
                Objects.requireNonNull(tensors.get(tiny.family().down(1, 3))).values()[4] =
                    Float.NaN)
            .plant(Stacked.OUTPUT_FIRST);

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> logits(moe, Stacked.OUTPUT_FIRST))
        .withMessageContaining("tensor " + Stacked.down(1) + "[3]: element 4 is NaN");
  }

  private float[] logits(TinyMoe moe, Stacked stacked) throws IOException {
    try (CheckpointDirectory checkpoint =
        CheckpointDirectory.open(moe.write(folder.resolve("stacked")))) {
      Checkpoint sliced = new SlicesOnly(checkpoint);
      return Streamed.logits(MoeModel.of(sliced, architecture(stacked)), CORPUS, 2);
    }
  }

  private static Architecture architecture(Stacked stacked) throws IOException {
    try (InputStream stream =
        Objects.requireNonNull(Architecture.class.getResourceAsStream("mixtral.json"))) {
      String text = new String(stream.readAllBytes(), StandardCharsets.UTF_8);
      return Json.bind(
          Json.object(stacked.architecture(text), "mixtral.json"),
          Architecture.class,
          "mixtral.json");
    }
  }

  /// A checkpoint that refuses to give more than one expert of a stack at a time.
  private record SlicesOnly(Checkpoint source) implements Checkpoint {

    @Override
    public String name() {
      return source.name();
    }

    @Override
    public ModelConfig config() {
      return source.config();
    }

    @Override
    public SortedMap<String, TensorInfo> tensors() {
      return new TreeMap<>(source.tensors());
    }

    @Override
    public TensorData read(String tensor, Arena arena) throws IOException {
      assertThat(tensor).doesNotContain(".experts.");
      return source.read(tensor, arena);
    }

    @Override
    public TensorData readRows(String tensor, long first, long count, Arena arena)
        throws IOException {
      assertThat(count).isEqualTo(1);
      return source.readRows(tensor, first, count, arena);
    }

    @Override
    public void close() {}
  }
}
