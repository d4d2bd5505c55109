package io.moepress.formats.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.moepress.formats.Refusal;
import io.moepress.formats.tensor.Shape;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GgufFileTest {
  /// Two values and two tensors, `a` of 3 F32 and `b` of 2 x 1 x 2 F16, byte for byte as the format
  /// has them.
  private static final String GOLDEN =
      "47475546"
          + "03000000"
          + "0200000000000000"
          + "0200000000000000"
          + "0400000000000000"
          + "6c2e6e78"
          + "04000000"
          + "07000000" // "l.nx", U32, 7
          + "0100000000000000"
          + "74"
          + "09000000"
          + "08000000"
          + "0200000000000000" // "t", array
          + "0100000000000000"
          + "78"
          + "0200000000000000"
          + "c3a4"
          + "0100000000000000"
          + "61"
          + "01000000"
          + "0300000000000000"
          + "00000000"
          + "0000000000000000"
          + "0100000000000000"
          + "62"
          + "03000000"
          + "0200000000000000"
          + "0100000000000000"
          + "0200000000000000"
          + "01000000"
          + "2000000000000000"
          + "00".repeat(22) // up to 192
          + "0000803f"
          + "00000040"
          + "000000bf"
          + "00".repeat(20)
          + "003c"
          + "0040"
          + "00c4"
          + "0000"
          + "00".repeat(24);

  @TempDir private Path folder;

  @Test
  void smallFileHasTheBytesOfTheFormat() throws IOException {
    Path file = folder.resolve("small.gguf");
    Map<String, GgufValue> metadata = new LinkedHashMap<>();
    metadata.put("l.nx", GgufValue.count(7));
    metadata.put("t", GgufValue.texts(List.of("x", "ä")));
    GgufHeader header =
        GgufHeader.layOut(
            metadata,
            List.of(
                new GgufTensorInfo("a", GgufType.F32, Shape.of(3)),
                new GgufTensorInfo("b", GgufType.F16, Shape.of(2, 1, 2))));
    String digest;
    try (GgufWriter writer = GgufWriter.create(file, header)) {
      writer.append("a", MemorySegment.ofArray(HexFormat.of().parseHex("0000803f")));
      writer.append("a", MemorySegment.ofArray(HexFormat.of().parseHex("00000040000000bf")));
      writer.append("b", MemorySegment.ofArray(HexFormat.of().parseHex("003c004000c40000")));
      digest = writer.finish();
    }

    assertThat(HexFormat.of().formatHex(Files.readAllBytes(file))).isEqualTo(GOLDEN);
    assertThat(digest).isEqualTo("sha256:" + sha256(Files.readAllBytes(file)));
  }

  @Test
  void smallFileIsReadAsItIs() throws IOException {
    Path path = Files.write(folder.resolve("small.gguf"), HexFormat.of().parseHex(GOLDEN));
    try (GgufFile file = GgufFile.open(path);
        Arena arena = Arena.ofConfined()) {
      assertThat(file.whole("l.nx")).contains(7L);
      assertThat(file.header().metadata().get("t")).isEqualTo(GgufValue.texts(List.of("x", "ä")));
      assertThat(file.tensors())
          .containsExactly(
              new GgufTensorInfo("a", GgufType.F32, Shape.of(3)),
              new GgufTensorInfo("b", GgufType.F16, Shape.of(2, 1, 2)));
      assertThat(file.read("a", arena).get(ValueLayout.JAVA_FLOAT_UNALIGNED, 8)).isEqualTo(-0.5f);
      assertThat(file.readSlices("b", 1, 1, arena).toArray(ValueLayout.JAVA_BYTE))
          .containsExactly(0, 0xC4, 0, 0);
      assertThat(Refusal.of(() -> file.read("c", arena))).isEqualTo("small.gguf: no tensor c");
    }
  }

  /// ggml pads behind the last tensor; others do not.
  @Test
  void paddingBehindTheLastTensorMayBeMissing() throws IOException {
    byte[] golden = HexFormat.of().parseHex(GOLDEN);
    Path path = folder.resolve("cut.gguf");
    Files.write(path, Arrays.copyOf(golden, golden.length - 24));
    try (GgufFile file = GgufFile.open(path)) {
      assertThat(file.tensors()).hasSize(2);
    }
  }

  @Test
  void alignmentOfTheFileCounts() throws IOException {
    byte[] bytes =
        GgufBytes.head(2, 1)
            .count("general.alignment", 8)
            .tensor("a", 0, 0, 1)
            .tensor("b", 0, 8, 1)
            .bytes();
    int start = (bytes.length + 7) / 8 * 8;
    byte[] whole = Arrays.copyOf(bytes, start + 12);
    whole[start + 8] = 5;
    try (GgufFile file = GgufFile.open(Files.write(folder.resolve("a.gguf"), whole));
        Arena arena = Arena.ofConfined()) {
      assertThat(file.read("b", arena).get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 5);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void whatIsWrittenIsRead(long seed) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    Map<String, GgufValue> metadata = metadata(random);
    List<GgufTensorInfo> infos = new ArrayList<>();
    Map<String, byte[]> data = new LinkedHashMap<>();
    for (int i = 0; i < 1 + random.nextInt(9); i++) {
      List<GgufType> types = List.of(GgufType.values());
      GgufType type = types.get(random.nextInt(types.size()));
      Shape shape = Shape.of(1 + random.nextInt(3), 1 + random.nextInt(3), type.blockElements());
      GgufTensorInfo info = new GgufTensorInfo("t" + i, type, shape);
      byte[] bytes = new byte[(int) info.byteCount()];
      random.nextBytes(bytes);
      infos.add(info);
      data.put(info.name(), bytes);
    }
    Path path = folder.resolve("random.gguf");
    try (GgufWriter writer = GgufWriter.create(path, GgufHeader.layOut(metadata, infos))) {
      for (GgufTensorInfo info : infos) {
        writer.append(info.name(), MemorySegment.ofArray(data.get(info.name())));
      }
      assertThat(writer.finish()).startsWith("sha256:");
    }
    try (GgufFile file = GgufFile.open(path);
        Arena arena = Arena.ofConfined()) {
      assertThat(file.header().metadata()).isEqualTo(metadata);
      assertThat(file.tensors()).isEqualTo(infos);
      for (GgufTensorInfo info : infos) {
        assertThat(file.read(info.name(), arena).toArray(ValueLayout.JAVA_BYTE))
            .isEqualTo(data.get(info.name()));
      }
    }
  }

  /// A value of every type, alone and in an array.
  private static Map<String, GgufValue> metadata(SplittableRandom random) {
    Map<String, GgufValue> metadata = new LinkedHashMap<>();
    for (GgufKind kind : GgufKind.values()) {
      Object value =
          switch (kind) {
            case U8 -> (long) random.nextInt(256);
            case I8 -> (long) (byte) random.nextInt();
            case U16 -> (long) random.nextInt(65536);
            case I16 -> (long) (short) random.nextInt();
            case U32 -> random.nextLong(1L << 32);
            case I32 -> (long) random.nextInt();
            case U64, I64 -> random.nextLong();
            case F32 -> (double) (float) random.nextDouble();
            case F64 -> random.nextDouble();
            case BOOL -> random.nextBoolean();
            case STRING -> "text " + random.nextInt() + " 好";
            case ARRAY -> 0L;
          };
      if (kind != GgufKind.ARRAY) {
        metadata.put("one." + kind, new GgufValue.One(kind, value));
        metadata.put("many." + kind, new GgufValue.Many(kind, List.of(value, value)));
      }
    }
    return metadata;
  }

  @Test
  void longTextsAreReadWhole() throws IOException {
    String template = "{{ x }} ".repeat(40_000);
    byte[] bytes = GgufBytes.head(0, 2).string("t", template).string("u", "end").bytes();
    try (GgufFile file = GgufFile.open(Files.write(folder.resolve("long.gguf"), bytes))) {
      assertThat(file.text("t")).contains(template);
      assertThat(file.text("u")).contains("end");
    }
  }

  @Test
  void fileThatShrinksIsNotRead() throws IOException {
    Path path = Files.write(folder.resolve("small.gguf"), HexFormat.of().parseHex(GOLDEN));
    try (GgufFile file = GgufFile.open(path);
        Arena arena = Arena.ofConfined()) {
      Files.write(path, new byte[3], StandardOpenOption.TRUNCATE_EXISTING);

      assertThat(Refusal.of(() -> file.read("a", arena)))
          .contains("had 256 bytes when it was opened and has 3 now");
    }
  }

  @Test
  void tensorsAreWrittenInOrderAndWhole() throws IOException {
    GgufHeader header =
        GgufHeader.layOut(
            Map.of(),
            List.of(
                new GgufTensorInfo("a", GgufType.F32, Shape.of(1)),
                new GgufTensorInfo("b", GgufType.F32, Shape.of(1))));
    try (GgufWriter writer = GgufWriter.create(folder.resolve("x.gguf"), header)) {
      MemorySegment one = MemorySegment.ofArray(new byte[4]);
      assertThatIllegalArgumentException().isThrownBy(() -> writer.append("b", one));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> writer.append("a", MemorySegment.ofArray(new byte[5])));
      writer.append("a", one);
      assertThatIllegalArgumentException()
          .isThrownBy(writer::finish)
          .withMessage("1 of 2 tensors written");
    }
  }

  @Test
  void namesThatGgmlWouldNotTakeAreNotWritten() {
    List<GgufTensorInfo> tooLong =
        List.of(new GgufTensorInfo("ä".repeat(32), GgufType.F32, Shape.of(1)));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> GgufHeader.layOut(Map.of(), tooLong))
        .withMessageContaining("longer than 63 bytes");
    GgufTensorInfo one = new GgufTensorInfo("a", GgufType.F32, Shape.of(1));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> GgufHeader.layOut(Map.of(), List.of(one, one)))
        .withMessageContaining("two tensors");
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
