package io.moepress.recipes.apply;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.moepress.formats.FormatException;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.integer.GptqLayout;
import io.moepress.formats.integer.IntegerLayout;
import io.moepress.formats.integer.IntegerMatrix;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.lowering.LoweredPlan;
import io.moepress.recipes.lowering.OutputTensor;
import io.moepress.recipes.lowering.TensorProgram;
import io.moepress.recipes.lowering.TensorProgram.Copy;
import io.moepress.recipes.lowering.TensorProgram.Quantized;
import io.moepress.recipes.lowering.TensorProgram.WeightedSum;
import io.moepress.recipes.plan.PlanArray;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// A matrix of several blocks of rows becomes what it would become as a whole.
class QuantizedBlocksTest {
  private static final TensorInfo WEIGHT =
      new TensorInfo("l.weight", DType.BF16, Shape.of(2 * 256 + 96, 1024));
  private static final int ROWS = (int) WEIGHT.shape().dimension(0);

  /// One matrix.
  private record One(TensorData weight) implements Checkpoint {
    @Override
    public String name() {
      return "one";
    }

    @Override
    public ModelConfig config() {
      return ModelConfig.parse("{}");
    }

    @Override
    public SortedMap<String, TensorInfo> tensors() {
      return new TreeMap<>(Map.of(weight.info().name(), weight.info()));
    }

    @Override
    public TensorData read(String tensor, Arena arena) {
      return weight;
    }

    @Override
    public void close() {}
  }

  private static One drawn() {
    SplittableRandom random = new SplittableRandom(11);
    MemorySegment bytes = MemorySegment.ofArray(new byte[(int) WEIGHT.byteCount()]);
    for (int i = 0; i < WEIGHT.shape().elementCount(); i++) {
      Numbers.put(WEIGHT, bytes, i, (float) random.nextGaussian());
    }
    return new One(new TensorData(WEIGHT, bytes));
  }

  /// Who has the codes.
  enum Codes {
    NEAREST,
    OF_THE_PLAN
  }

  private static Quantized quantized(
      IntegerScheme scheme, IntegerLayout layout, @Nullable PlanArray codes) {
    return new Quantized(new Copy("l.weight"), scheme, layout, codes, Quantized.DECODED);
  }

  @ParameterizedTest
  @CsvSource({
    "4, true, 128, NEAREST",
    "3, false, 0, NEAREST",
    "8, false, 32, NEAREST",
    "4, false, 64, OF_THE_PLAN",
    "2, true, 0, OF_THE_PLAN",
  })
  void areThoseOfTheWhole(int bits, boolean symmetric, int group, Codes codes) throws IOException {
    IntegerScheme scheme = new IntegerScheme(bits, symmetric, group);
    One source = drawn();
    GptqLayout gptq = new GptqLayout(GptqLayout.Version.of(scheme));
    float[] values = Numbers.floats(source.weight());

    IntegerMatrix forPacked = matrix(values, scheme, DType.BF16);
    assertEqual(
        source,
        quantized(scheme, Quantized.PACKED, array(codes, forPacked)),
        Quantized.PACKED.encode("l.weight", forPacked, DType.BF16));
    IntegerMatrix forGptq = matrix(values, scheme, DType.F16);
    assertEqual(source, quantized(scheme, gptq, array(codes, forGptq)), gptq.encode("l", forGptq));
  }

  private static IntegerMatrix matrix(float[] values, IntegerScheme scheme, DType scaleType) {
    return IntegerMatrix.encode(values, ROWS, scheme.grid(), scheme.sharing(), scaleType);
  }

  private static @Nullable PlanArray array(Codes codes, IntegerMatrix matrix) {
    return switch (codes) {
      case NEAREST -> null;
      case OF_THE_PLAN -> PlanArray.ints("codes", Shape.of(matrix.words().length), matrix::words);
    };
  }

  /// All tensors by one who writes them, and each by one who asks for it alone.
  private static void assertEqual(
      Checkpoint source, Quantized whole, Map<String, TensorData> expected) throws IOException {
    SortedMap<String, TensorInfo> layout = whole.layout().layout(WEIGHT, whole.scheme());
    assertThat(layout).hasSameSizeAs(expected);
    ProgramRunner alone = new ProgramRunner(source);
    try (LatestMatrix latest = new LatestMatrix();
        Arena arena = Arena.ofConfined()) {
      ProgramRunner writing = alone.keeping(latest);
      for (Map.Entry<String, TensorInfo> part : layout.entrySet()) {
        OutputTensor tensor = new OutputTensor(part.getValue(), whole.part(part.getKey()));
        MemorySegment bytes = requireNonNull(expected.get(part.getValue().name())).bytes();
        for (ProgramRunner runner : List.of(alone, writing)) {
          assertThat(runner.run(tensor, arena).bytes().mismatch(bytes))
              .as("%s", part.getValue())
              .isEqualTo(-1);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void asTheNumbersTheyStandFor(Codes codes) throws IOException {
    IntegerScheme scheme = new IntegerScheme(3, false, 128);
    One source = drawn();
    IntegerMatrix matrix = matrix(Numbers.floats(source.weight()), scheme, DType.BF16);
    Quantized program = quantized(scheme, Quantized.PACKED, array(codes, matrix));
    float[] decoded = matrix.decode();
    MemorySegment expected = MemorySegment.ofArray(new byte[(int) WEIGHT.byteCount()]);
    for (int i = 0; i < decoded.length; i++) {
      Numbers.put(WEIGHT, expected, i, decoded[i]);
    }

    try (Arena arena = Arena.ofConfined()) {
      TensorData result = new ProgramRunner(source).run(new OutputTensor(WEIGHT, program), arena);
      assertThat(result.bytes().mismatch(expected)).isEqualTo(-1);
    }
  }

  @Test
  void theNextMatrixTakesThePlaceOfTheLast() throws IOException {
    ProgramRunner alone = new ProgramRunner(drawn());
    try (LatestMatrix latest = new LatestMatrix();
        Arena arena = Arena.ofConfined()) {
      for (int bits : List.of(4, 8)) {
        Quantized whole = quantized(new IntegerScheme(bits, true, 128), Quantized.PACKED, null);
        TensorInfo packed =
            requireNonNull(Quantized.PACKED.layout(WEIGHT, whole.scheme()).get("_packed"));
        OutputTensor tensor = new OutputTensor(packed, whole.part("_packed"));
        MemorySegment expected = alone.run(tensor, arena).bytes();
        assertThat(alone.keeping(latest).run(tensor, arena).bytes().mismatch(expected))
            .isEqualTo(-1);
      }
    }
  }

  @Test
  void aWeightThatIsNotFiniteIsNamedByItsPlaceInTheWhole() {
    One source = drawn();
    int sick = 300 * 1024 + 5;
    Numbers.put(WEIGHT, source.weight().bytes(), sick, Float.NaN);
    Quantized program = quantized(new IntegerScheme(4, true, 128), Quantized.PACKED, null);
    TensorInfo packed =
        requireNonNull(Quantized.PACKED.layout(WEIGHT, program.scheme()).get("_packed"));

    try (Arena arena = Arena.ofConfined()) {
      OutputTensor tensor = new OutputTensor(packed, program.part("_packed"));
      assertThatThrownBy(() -> new ProgramRunner(source).run(tensor, arena))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("tensor l.weight: element " + sick + " is NaN");
    }
  }

  @Test
  void takeMemoryForWhatTheyAreStoredAs() {
    IntegerScheme scheme = new IntegerScheme(4, true, 128);
    long codes = WEIGHT.shape().elementCount() / 2;
    Quantized nearest = quantized(scheme, Quantized.PACKED, null);
    PlanArray array = PlanArray.ints("codes", Shape.of(1), () -> new int[1]);
    Quantized planned = quantized(scheme, Quantized.PACKED, array);
    TensorProgram mean =
        new WeightedSum(List.of(new Copy("l.weight"), new Copy("l.weight")), List.of(0.5, 0.5));
    Quantized ofMean = new Quantized(mean, scheme, Quantized.PACKED, null, Quantized.DECODED);

    assertThat(perJob(nearest)).isEqualTo(2 * codes);
    assertThat(perJob(planned)).isEqualTo(6 * codes);
    assertThat(perJob(ofMean)).isEqualTo(2 * codes + Float.BYTES * 2 * codes);
  }

  private static long perJob(Quantized whole) {
    List<OutputTensor> tensors = new ArrayList<>();
    whole
        .layout()
        .layout(WEIGHT, whole.scheme())
        .forEach((suffix, info) -> tensors.add(new OutputTensor(info, whole.part(suffix))));
    return ApplyMemory.perJob(new LoweredPlan(ModelConfig.parse("{}"), tensors, new TreeMap<>()));
  }
}
