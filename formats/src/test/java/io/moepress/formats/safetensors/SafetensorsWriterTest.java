package io.moepress.formats.safetensors;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.moepress.formats.safetensors.SafetensorsHeader.Entry;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.testdata.SafetensorsBytes;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsWriterTest {
  private static final Map<String, String> METADATA = Map.of("format", "pt");
  private static final List<DType> DTYPES = List.of(DType.values());

  @TempDir private Path folder;
  private Path path;

  @BeforeEach
  void place() {
    path = folder.resolve("model.safetensors");
  }

  @Test
  void widestTypeComesFirstThenTheName() {
    List<TensorInfo> tensors =
        List.of(
            tensor("b", DType.U8, 3),
            tensor("d", DType.BF16, 1),
            tensor("a", DType.BF16, 1),
            tensor("c", DType.F64, 1),
            tensor("e", DType.F32, 1),
            tensor("B", DType.BF16, 1));
    SafetensorsHeader header = SafetensorsHeader.layOut(tensors, Map.of());
    assertThat(header.entries())
        .extracting(entry -> entry.info().name())
        .containsExactly("c", "e", "B", "a", "d", "b");
    assertThat(header.entries())
        .extracting(Entry::begin)
        .containsExactly(0L, 8L, 12L, 14L, 16L, 18L);
  }

  @Test
  void headerIsCompactJsonPaddedToEightBytes() {
    SafetensorsHeader header =
        SafetensorsHeader.layOut(List.of(tensor("é", DType.F16, 2, 3)), METADATA);
    String json =
        "{\"__metadata__\":{\"format\":\"pt\"},"
            + "\"é\":{\"dtype\":\"F16\",\"shape\":[2,3],\"data_offsets\":[0,12]}}";
    String padded = json + " ".repeat(7 - (json.getBytes(UTF_8).length + 7) % 8);
    assertThat(header.encode())
        .isEqualTo(SafetensorsBytes.file(padded, new byte[0]))
        .hasSize((int) header.dataStart());
    assertThat(header.dataStart() % 8).isZero();
    assertThat(header.fileSize()).isEqualTo(header.dataStart() + 12);
  }

  @Test
  void headerThatNeedsNoPaddingGetsNone() {
    SafetensorsHeader header =
        SafetensorsHeader.layOut(List.of(tensor("abcde", DType.U8)), Map.of());
    String json = "{\"abcde\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}";
    assertThat(json.length() % 8).isZero();
    assertThat(header.encode()).isEqualTo(SafetensorsBytes.file(json, new byte[0]));
  }

  @Test
  void alignedTypesStandAtMultiplesOfTheirSize() {
    for (int seed = 0; seed < 50; seed++) {
      SafetensorsHeader header =
          SafetensorsHeader.layOut(infos(new SplittableRandom(seed)), METADATA);
      for (Entry entry : header.entries()) {
        int bytes = Math.max(1, entry.info().dtype().bits() / 8);
        assertThat((header.dataStart() + entry.begin()) % bytes)
            .as("seed %d: %s", seed, entry)
            .isZero();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
  void whatIsWrittenIsRead(long seed) throws IOException {
    List<TensorInfo> infos = infos(new SplittableRandom(seed));
    Map<String, byte[]> data = data(infos, seed);
    write(infos, data, seed);
    try (SafetensorsFile file = SafetensorsFile.open(path);
        Arena arena = Arena.ofConfined()) {
      assertThat(file.header().metadata()).isEqualTo(METADATA);
      assertThat(file.header().entries())
          .extracting(Entry::info)
          .containsExactlyInAnyOrderElementsOf(infos);
      for (TensorInfo info : infos) {
        assertThat(file.read(info.name(), arena).bytes().toArray(ValueLayout.JAVA_BYTE))
            .as(info.name())
            .isEqualTo(data.get(info.name()));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void bytesAreThoseOfAnIndependentWriter(long seed) throws IOException {
    List<TensorInfo> infos = infos(new SplittableRandom(seed));
    Map<String, byte[]> data = data(infos, seed);
    write(infos, data, seed);
    SafetensorsBytes expected = new SafetensorsBytes().metadata("format", "pt");
    for (Entry entry : SafetensorsHeader.layOut(infos, METADATA).entries()) {
      TensorInfo info = entry.info();
      long[] shape = info.shape().dimensions().stream().mapToLong(Long::longValue).toArray();
      expected.tensor(info.name(), info.dtype().name(), shape, bytes(data, info.name()));
    }
    assertThat(Files.readAllBytes(path)).isEqualTo(expected.toBytes());
  }

  @Test
  void threadsMayWriteAtOnce() throws IOException, InterruptedException, ExecutionException {
    List<TensorInfo> infos = infos(new SplittableRandom(11));
    Map<String, byte[]> data = data(infos, 11);
    write(infos, data, 0);
    byte[] alone = Files.readAllBytes(path);
    Path other = folder.resolve("other.safetensors");
    try (SafetensorsWriter writer = SafetensorsWriter.create(other, infos, METADATA);
        ExecutorService pool = Executors.newFixedThreadPool(8)) {
      List<Future<?>> writes = new ArrayList<>();
      for (TensorInfo info : infos) {
        writes.add(
            pool.submit(() -> {
              writer.write(info.name(), MemorySegment.ofArray(bytes(data, info.name())));
              return info;
            }));
      }
      for (Future<?> write : writes) {
        write.get();
      }
      writer.finish();
    }
    assertThat(Files.readAllBytes(other)).isEqualTo(alone);
  }

  @Test
  void longTensorIsWrittenInPieces() throws IOException {
    long length = (64L << 20) + 5; // one byte more than fits the first piece, and some
    try (SafetensorsWriter writer = create(tensor("a", DType.U8, length));
        Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(length);
      bytes.set(ValueLayout.JAVA_BYTE, 0, (byte) 1);
      bytes.set(ValueLayout.JAVA_BYTE, length - 5, (byte) 2);
      bytes.set(ValueLayout.JAVA_BYTE, length - 1, (byte) 3);
      writer.write("a", bytes);
      writer.finish();
      try (SafetensorsFile file = SafetensorsFile.open(path)) {
        assertThat(file.read("a", arena).bytes().mismatch(bytes)).isEqualTo(-1);
      }
    }
  }

  @Test
  void fileWithoutTensorsIsLegal() throws IOException {
    try (SafetensorsWriter writer = SafetensorsWriter.create(path, List.of(), Map.of())) {
      writer.finish();
    }
    assertThat(Files.readAllBytes(path)).isEqualTo(SafetensorsBytes.file("{}      ", new byte[0]));
  }

  @Test
  void tensorIsWrittenOnce() throws IOException {
    try (SafetensorsWriter writer = create(tensor("a", DType.U8, 2), tensor("b", DType.U8, 2))) {
      writer.write("a", MemorySegment.ofArray(new byte[] {1, 2}));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> writer.write("a", MemorySegment.ofArray(new byte[] {3, 4})))
          .withMessage("tensor a written twice");
    }
  }

  @Test
  void missingTensorIsNamedAtTheEnd() throws IOException {
    try (SafetensorsWriter writer = create(tensor("a", DType.U8, 2), tensor("b", DType.U8, 2))) {
      writer.write("b", MemorySegment.ofArray(new byte[2]));
      assertThatIllegalArgumentException()
          .isThrownBy(writer::finish)
          .withMessage("tensors not written: [a]");
    }
  }

  @Test
  void wrongSizeIsRefusedAndMayBeCorrected() throws IOException {
    try (SafetensorsWriter writer = create(tensor("a", DType.F32, 2))) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> writer.write("a", MemorySegment.ofArray(new byte[7])))
          .withMessage("tensor a: 7 bytes for a place of 8");
      writer.write("a", MemorySegment.ofArray(new byte[8]));
      writer.finish();
    }
  }

  @Test
  void unknownTensorIsRefused() throws IOException {
    try (SafetensorsWriter writer = create(tensor("a", DType.F32, 2))) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> writer.write("b", MemorySegment.ofArray(new byte[8])))
          .withMessage("no tensor b in the header");
    }
  }

  @Test
  void existingFileIsNotTouched() throws IOException {
    Files.writeString(path, "precious");
    assertThatExceptionOfType(FileAlreadyExistsException.class)
        .isThrownBy(() -> create(tensor("a", DType.U8, 2)).close());
    assertThat(path).hasContent("precious");
  }

  @Test
  void twoTensorsOfOneNameAreRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> create(tensor("a", DType.U8, 2), tensor("a", DType.F32)).close())
        .withMessage("two tensors of the name a");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> create(tensor("__metadata__", DType.U8, 2)).close())
        .withMessage("two tensors of the name __metadata__");
  }

  @Test
  void halfABytesWorthIsRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> create(tensor("a", DType.F4, 3)).close())
        .withMessage("tensor a: 3 elements of F4 do not fill whole bytes");
    assertThat(path).doesNotExist();
  }

  private SafetensorsWriter create(TensorInfo... tensors) throws IOException {
    return SafetensorsWriter.create(path, List.of(tensors), METADATA);
  }

  private void write(List<TensorInfo> infos, Map<String, byte[]> data, long seed)
      throws IOException {
    List<TensorInfo> order = new ArrayList<>(infos);
    Collections.shuffle(order, new Random(seed));
    try (SafetensorsWriter writer = SafetensorsWriter.create(path, infos, METADATA)) {
      for (TensorInfo info : order) {
        writer.write(info.name(), MemorySegment.ofArray(bytes(data, info.name())));
      }
      writer.finish();
    }
  }

  private static TensorInfo tensor(String name, DType dtype, long... shape) {
    return new TensorInfo(name, dtype, Shape.of(shape));
  }

  /// Tensors of any type and of 0 to 3 dimensions, some of them without an element.
  private static List<TensorInfo> infos(SplittableRandom random) {
    List<TensorInfo> infos = new ArrayList<>();
    int count = random.nextInt(60);
    for (int i = 0; i < count; i++) {
      DType dtype = DTYPES.get(random.nextInt(DTYPES.size()));
      long[] shape = random.longs(random.nextInt(4), 0, 6).toArray();
      if (dtype.bits() % 8 != 0) {
        shape = new long[] {random.nextInt(6), 4}; // 4 elements of 4 or 6 bits fill whole bytes
      }
      String name = Long.toString(random.nextLong(), Character.MAX_RADIX) + "/\"é漢";
      infos.add(tensor(name, dtype, shape));
    }
    return infos;
  }

  private static Map<String, byte[]> data(List<TensorInfo> infos, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    Map<String, byte[]> data = new LinkedHashMap<>();
    for (TensorInfo info : infos) {
      byte[] bytes = new byte[Math.toIntExact(info.byteCount())];
      random.nextBytes(bytes);
      data.put(info.name(), bytes);
    }
    return data;
  }

  private static byte[] bytes(Map<String, byte[]> data, String name) {
    return Objects.requireNonNull(data.get(name));
  }
}
