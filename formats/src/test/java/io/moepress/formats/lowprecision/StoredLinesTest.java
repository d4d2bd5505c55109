package io.moepress.formats.lowprecision;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.Checks;
import io.moepress.formats.Refusal;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.integer.BitPacking;
import io.moepress.formats.integer.GptqLayout;
import io.moepress.formats.integer.GptqLayout.Version;
import io.moepress.formats.integer.IntegerGrid;
import io.moepress.formats.integer.IntegerMatrix;
import io.moepress.formats.integer.IntegerMatrix.Sharing;
import io.moepress.formats.integer.PackQuantized;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Lines of tensors in low precision are those of the whole, decoded.
class StoredLinesTest {
  /// More than are decoded at a time.
  private static final int ROWS = 4096 + 1000;

  private static final int COLUMNS = 64;

  @ParameterizedTest
  @ValueSource(strings = {"deepseek_v3_fp8_block16", "gpt_oss_mxfp4"})
  void anyLinesOfAnyTensor(String name) throws IOException {
    SplittableRandom random = new SplittableRandom(7);
    try (CheckpointDirectory checkpoint =
        CheckpointDirectory.open(TestData.path("golden/lowprecision/" + name))) {
      StoredTensors stored = StoredTensors.of(checkpoint);
      for (EncodedTensor tensor : stored.encoded().values()) {
        assertLines(stored, checkpoint, tensor.info(), random);
      }
    }
  }

  /// Some lines of one matrix of a tensor.
  private static void assertLines(
      StoredTensors stored, Checkpoint checkpoint, TensorInfo tensor, SplittableRandom random)
      throws IOException {
    int rank = tensor.shape().rank();
    int width = (int) tensor.shape().dimension(rank - 1);
    int height = (int) tensor.shape().dimension(rank - 2);
    int matrices = (int) (tensor.shape().elementCount() / height / width);
    int matrix = random.nextInt(matrices) * height;
    int first = random.nextInt(height);
    int count = 1 + random.nextInt(height - first);
    try (Arena arena = Arena.ofConfined()) {
      float[] whole = Numbers.floats(stored.read(checkpoint, tensor.name(), arena));
      TensorData lines = stored.readLines(checkpoint, tensor.name(), matrix + first, count, arena);
      int from = (matrix + first) * width;
      assertThat(
              Arrays.mismatch(
                  Numbers.floats(lines), Arrays.copyOfRange(whole, from, from + count * width)))
          .as("%s: %s lines from %s of %s", tensor.name(), count, first, matrix / height)
          .isEqualTo(-1);
    }
  }

  /// A matrix of integers.
  private record Packed(ModelConfig config, Map<String, TensorData> data) implements Checkpoint {
    @Override
    public String name() {
      return "packed";
    }

    @Override
    public SortedMap<String, TensorInfo> tensors() {
      SortedMap<String, TensorInfo> infos = new TreeMap<>();
      data.forEach((name, tensor) -> infos.put(name, tensor.info()));
      return infos;
    }

    @Override
    public TensorData read(String tensor, Arena arena) {
      return Objects.requireNonNull(data.get(tensor), tensor);
    }

    @Override
    public void close() {}
  }

  private static IntegerMatrix matrix(int rows, int bits, boolean symmetric) {
    SplittableRandom random = new SplittableRandom(bits);
    float[] values = new float[rows * COLUMNS];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextDouble(-1, symmetric ? 1 : 3);
    }
    return IntegerMatrix.encode(
        values, rows, new IntegerGrid(bits, symmetric), new Sharing.Group(16), DType.F16);
  }

  private static Packed packed(BitPacking packing, int bits, boolean symmetric) {
    IntegerMatrix matrix = matrix(ROWS, bits, symmetric);
    String config =
        """
        {"quantization_config": {"quant_method": "compressed-tensors", "format": "pack-quantized",
         "config_groups": {"a": {"targets": ["Linear"], "weights": {"num_bits": %s, "type": "int",
          "symmetric": %s, "strategy": "group", "group_size": 16}}}}}
        """;
    return new Packed(
        ModelConfig.parse(config.replaceFirst("%s", "" + bits).replaceFirst("%s", "" + symmetric)),
        new TreeMap<>(new PackQuantized(packing).encode("w.weight", matrix, DType.F16)));
  }

  /// Zero points of consecutive rows share words.
  @ParameterizedTest
  @CsvSource({
    "STREAM, 2, false",
    "STREAM, 3, false",
    "WHOLE, 3, false",
    "WHOLE, 5, false",
    "STREAM, 6, false",
    "WHOLE, 7, false",
    "STREAM, 8, false",
    "STREAM, 4, true"
  })
  void rowsOfPackedIntegers(BitPacking packing, int bits, boolean symmetric) throws IOException {
    Packed checkpoint = packed(packing, bits, symmetric);
    assertRows(checkpoint, matrix(ROWS, bits, symmetric));
  }

  private static void assertRows(Packed checkpoint, IntegerMatrix matrix) throws IOException {
    StoredTensors stored = StoredTensors.of(checkpoint);
    try (Arena arena = Arena.ofConfined()) {
      float[] whole = Numbers.floats(stored.read(checkpoint, "w.weight", arena));
      assertThat(Arrays.mismatch(whole, matrix.decode())).isEqualTo(-1);
    }
    SplittableRandom random = new SplittableRandom(3);
    for (int i = 0; i < 5; i++) {
      assertLines(stored, checkpoint, stored.info("w.weight"), random);
    }
  }

  /// Rows of the weights are columns of the tensors.
  @ParameterizedTest
  @CsvSource({"2, true", "3, true", "4, true", "4, false", "8, false"})
  void rowsInTheLayoutOfGptq(int bits, boolean symmetric) throws IOException {
    IntegerMatrix matrix = matrix(ROWS - ROWS % 32, bits, symmetric);
    Version version = symmetric ? Version.V1 : Version.V2;
    String config =
        Checks.text(
            """
            {"quantization_config": {"quant_method": "gptq", "bits": %d, "group_size": 16,
             "sym": %s, "desc_act": false, "checkpoint_format": "%s"}}
            """,
            bits, symmetric, version.label());
    Packed checkpoint =
        new Packed(
            ModelConfig.parse(config), new TreeMap<>(new GptqLayout(version).encode("w", matrix)));

    assertRows(checkpoint, matrix);
  }

  @Test
  void aShapeThatIsNotThatOfTheCodes() {
    Packed checkpoint = packed(BitPacking.STREAM, 4, true);
    TensorData shape = Objects.requireNonNull(checkpoint.data().get("w.weight_shape"));
    shape.bytes().set(ValueLayout.JAVA_BYTE, 0, (byte) 7);
    StoredTensors stored = StoredTensors.of(checkpoint);

    try (Arena arena = Arena.ofConfined()) {
      assertThat(Refusal.of(() -> stored.readLines(checkpoint, "w.weight", 0, 5, arena)))
          .contains("w.weight_shape");
    }
  }

  /// Groups of 15 columns divide 60, whose codes take as many words as those of 64.
  @Test
  void aWidthThatIsNotThatOfTheGroups() {
    Packed checkpoint = packed(BitPacking.STREAM, 4, true);
    TensorData shape = Objects.requireNonNull(checkpoint.data().get("w.weight_shape"));
    shape.bytes().set(ValueLayout.JAVA_BYTE, Long.BYTES, (byte) 60);
    StoredTensors stored = StoredTensors.of(checkpoint);

    try (Arena arena = Arena.ofConfined()) {
      assertThat(Refusal.of(() -> stored.read(checkpoint, "w.weight", arena)))
          .contains("w.weight_shape: [4096, 60] (expected [4096, 64] by the shape of codes");
    }
  }
}
