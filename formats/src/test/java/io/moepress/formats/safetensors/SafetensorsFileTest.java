package io.moepress.formats.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.moepress.formats.Checks;
import io.moepress.formats.Refusal;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.testdata.SafetensorsBytes;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsFileTest {
  private static final long GIB = 1L << 30;

  @TempDir private Path folder;
  private Path path;

  @BeforeEach
  void place() {
    path = folder.resolve("model.safetensors");
  }

  @Test
  void tensorsAreReadByName() throws IOException {
    new SafetensorsBytes()
        .metadata("format", "pt")
        .tensor("odd", "U8", new long[] {3}, new byte[] {1, 2, 3})
        .tensor("a", "F32", new long[] {1, 2}, SafetensorsBytes.f32(1.5f, -2))
        .write(path);
    try (SafetensorsFile file = SafetensorsFile.open(path);
        Arena arena = Arena.ofConfined()) {
      assertThat(file.path()).isEqualTo(path);
      assertThat(file.header().metadata()).containsOnlyKeys("format").containsEntry("format", "pt");
      assertThat(file.read("odd", arena).bytes().toArray(ValueLayout.JAVA_BYTE))
          .containsExactly(1, 2, 3);
      assertThat(file.read("a", arena).info())
          .isEqualTo(new TensorInfo("a", DType.F32, Shape.of(1, 2)));
      assertThat(file.read("a", arena).bytes().toArray(ValueLayout.JAVA_BYTE))
          .isEqualTo(SafetensorsBytes.f32(1.5f, -2));
    }
  }

  @Test
  void rowsAreReadByThemselves() throws IOException {
    new SafetensorsBytes()
        .tensor("before", "U8", new long[] {3}, new byte[] {1, 2, 3})
        .tensor("a", "U8", new long[] {4, 2}, new byte[] {0, 1, 10, 11, 20, 21, 30, 31})
        .write(path);
    try (SafetensorsFile file = SafetensorsFile.open(path);
        Arena arena = Arena.ofConfined()) {
      TensorData rows = file.readRows("a", 1, 2, arena);

      assertThat(rows.info()).isEqualTo(new TensorInfo("a", DType.U8, Shape.of(2, 2)));
      assertThat(rows.bytes().toArray(ValueLayout.JAVA_BYTE)).containsExactly(10, 11, 20, 21);
      assertThat(file.readRows("a", 4, 0, arena).bytes().byteSize()).isZero();
      for (long first : new long[] {-1, 3, 4, Long.MAX_VALUE}) {
        assertThatIllegalArgumentException()
            .isThrownBy(() -> file.readRows("a", first, 2, arena))
            .withMessageContaining("of 4");
      }
    }
  }

  @Test
  void unknownTensorIsNamed() throws IOException {
    new SafetensorsBytes().write(path);
    try (SafetensorsFile file = SafetensorsFile.open(path);
        Arena arena = Arena.ofConfined()) {
      assertThat(Refusal.of(() -> file.read("a", arena)))
          .isEqualTo("model.safetensors: no tensor a");
    }
  }

  @Test
  void absentFileIsAnInputError() {
    assertThatExceptionOfType(NoSuchFileException.class)
        .isThrownBy(() -> SafetensorsFile.open(path).close());
  }

  @ParameterizedTest
  @ValueSource(longs = {3, 5})
  void fileThatChangesItsLengthIsNotRead(long dataBytes) throws IOException {
    new SafetensorsBytes().tensor("a", "U8", new long[] {4}, new byte[4]).write(path);
    long size = Files.size(path);
    try (SafetensorsFile file = SafetensorsFile.open(path);
        Arena arena = Arena.ofConfined()) {
      byte[] other = Arrays.copyOf(Files.readAllBytes(path), (int) (size - 4 + dataBytes));
      Files.write(path, other);
      assertThat(Refusal.of(() -> file.read("a", arena)))
          .isEqualTo(
              Checks.text(
                  "model.safetensors: the file had %d bytes when it was opened and has %d now."
                      + " Leave it alone while moepress runs.",
                  size, other.length));
    }
  }

  @Test
  void tensorBeyondTwoGibibytesIsReadToItsEnd() throws IOException {
    sparse(
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[3,1073741824],\"data_offsets\":[0,3221225472]}}",
        3 * GIB);
    try (SafetensorsFile file = SafetensorsFile.open(path);
        Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = file.read("a", arena).bytes();
      assertThat(bytes.byteSize()).isEqualTo(3 * GIB);
      assertThat(bytes.get(ValueLayout.JAVA_BYTE, 0)).isZero();
      assertThat(bytes.get(ValueLayout.JAVA_BYTE, 3 * GIB - 1)).isEqualTo((byte) 42);
    }
  }

  @Test
  void tensorBehindFourGibibytesIsFound() throws IOException {
    sparse(
        "{\"z\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[5368709120,5368709121]},"
            + "\"a\":{\"dtype\":\"F32\",\"shape\":[1342177280],\"data_offsets\":[0,5368709120]}}",
        5 * GIB + 1);
    try (SafetensorsFile file = SafetensorsFile.open(path);
        Arena arena = Arena.ofConfined()) {
      assertThat(file.read("z", arena).bytes().toArray(ValueLayout.JAVA_BYTE)).containsExactly(42);
      assertThat(file.read("a", arena).info().byteCount()).isEqualTo(5 * GIB);
    }
  }

  @Test
  void closingTheArenaEndsTheMapping() throws IOException {
    new SafetensorsBytes().tensor("a", "U8", new long[] {1}, new byte[1]).write(path);
    MemorySegment bytes;
    try (SafetensorsFile file = SafetensorsFile.open(path);
        Arena arena = Arena.ofConfined()) {
      bytes = file.read("a", arena).bytes();
      assertThat(bytes.isReadOnly()).isTrue();
    }
    assertThat(bytes.scope().isAlive()).isFalse();
  }

  @Test
  void manyThreadsReadAtOnce() throws IOException, InterruptedException, ExecutionException {
    int tensors = 64;
    SafetensorsBytes writer = new SafetensorsBytes();
    for (int i = 0; i < tensors; i++) {
      writer.tensor("t" + i, "I64", new long[] {1}, SafetensorsBytes.i64(i));
    }
    writer.write(path);
    try (SafetensorsFile file = SafetensorsFile.open(path);
        ExecutorService pool = Executors.newFixedThreadPool(8)) {
      List<Future<Long>> values = new ArrayList<>();
      for (int i = 0; i < 100 * tensors; i++) {
        String name = "t" + i % tensors;
        values.add(pool.submit(() -> value(file, name)));
      }
      for (int i = 0; i < values.size(); i++) {
        assertThat(values.get(i).get()).isEqualTo(i % tensors);
      }
    }
  }

  private static long value(SafetensorsFile file, String name) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      return file.read(name, arena).bytes().get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
    }
  }

  /// A file of zeros, most of them never written, whose last byte is 42.
  private void sparse(String header, long dataBytes) throws IOException {
    byte[] head = SafetensorsBytes.file(header, new byte[0]);
    try (FileChannel channel =
        FileChannel.open(
            path,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.SPARSE,
            StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.wrap(head));
      channel.write(ByteBuffer.wrap(new byte[] {42}), head.length + dataBytes - 1);
    }
    assertThat(head).hasSize(8 + header.getBytes(StandardCharsets.UTF_8).length);
  }
}
