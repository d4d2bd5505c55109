package io.moepress.formats.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.argumentSet;

import io.moepress.formats.FormatException;
import io.moepress.formats.Refusal;
import io.moepress.formats.Words;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Heads as strangers write them: one broken file for each way to be wrong.
class GgufAttacksTest {
  private static final int F32 = 0;
  private static final int Q8_0 = 8;

  @TempDir private Path folder;

  static Stream<Arguments> broken() {
    return Stream.of(beginnings(), values(), arrays(), tensors(), places()).flatMap(all -> all);
  }

  private static Arguments attack(String name, GgufBytes file, String expected) {
    return argumentSet(name, file.bytes(), expected);
  }

  private static Stream<Arguments> beginnings() {
    byte[] magic = "GGUF".getBytes(StandardCharsets.US_ASCII);
    return Stream.of(
        attack("empty", new GgufBytes(), "magic: the file ends too early"),
        attack(
            "other letters",
            new GgufBytes().raw("GGML".getBytes(StandardCharsets.US_ASCII)).u32(3).u64(0).u64(0),
            "not a GGUF file"),
        attack(
            "version 1",
            new GgufBytes().raw(magic).u32(1).u64(0).u64(0),
            "version: 1 (expected 2 or 3)"),
        attack(
            "version 4",
            new GgufBytes().raw(magic).u32(4).u64(0).u64(0),
            "version: 4 (expected 2 or 3)"),
        attack("big-endian", new GgufBytes().raw(magic).u32(3L << 24).u64(0).u64(0), "big-endian"),
        attack(
            "ends after the version", new GgufBytes().raw(magic).u32(3), "the file ends too early"),
        attack(
            "negative number of tensors",
            GgufBytes.head(-1, 0),
            "number of tensors: 18446744073709551615"),
        attack(
            "a billion tensors", GgufBytes.head(1_000_000_000, 0), "number of tensors: 1000000000"),
        attack(
            "a billion values", GgufBytes.head(0, 1_000_000_000), "number of values: 1000000000"),
        attack(
            "values that are not there",
            GgufBytes.head(0, 7),
            "key of value 0: the file ends too early"),
        attack(
            "tensors that are not there",
            GgufBytes.head(7, 0),
            "name of tensor 0: the file ends too early"));
  }

  private static Stream<Arguments> values() {
    return Stream.of(
        attack("empty key", GgufBytes.head(0, 1).count("", 1), "an empty key"),
        attack(
            "key twice",
            GgufBytes.head(0, 2).count("a", 1).count("a", 1),
            "value a: stands there twice"),
        attack(
            "key with an escape sequence",
            GgufBytes.head(0, 1).count("a\u001b[2J", 1),
            "control characters"),
        attack(
            "key longer than the file",
            GgufBytes.head(0, 1).u64(60_000),
            "the file ends too early"),
        attack(
            "key longer than any",
            GgufBytes.head(0, 1).u64(65_536).data(100_000),
            "a text of 65536 bytes (expected at most 65535)"),
        attack(
            "key of negative length",
            GgufBytes.head(0, 1).u64(-1),
            "a text of 18446744073709551615 bytes"),
        attack(
            "text longer than any",
            GgufBytes.head(0, 1).text("a").u32(8).u64(1L << 40),
            "value a: a text of 1099511627776 bytes"),
        attack(
            "text that is not UTF-8",
            GgufBytes.head(0, 1).text("a").u32(8).u64(1).raw((byte) 0xFF),
            "value a: not valid UTF-8"),
        attack(
            "unknown type",
            GgufBytes.head(0, 1).text("a").u32(13).u64(0),
            "value a: type 13 (expected 0 to 12)"),
        attack(
            "flag of 2",
            GgufBytes.head(0, 1).text("a").u32(7).raw((byte) 2),
            "value a: a flag of 2"),
        attack(
            "number cut off",
            GgufBytes.head(0, 1).text("a").u32(10).u32(1),
            "value a: the file ends too early"),
        attack(
            "alignment 24",
            GgufBytes.head(0, 1).count("general.alignment", 24),
            "general.alignment: 24 (expected a power of two"),
        attack(
            "alignment 0",
            GgufBytes.head(0, 1).count("general.alignment", 0),
            "general.alignment: 0 (expected a power of two"),
        attack(
            "huge alignment",
            GgufBytes.head(0, 1).count("general.alignment", 1L << 31),
            "(expected a power of two up to 1048576"),
        attack(
            "alignment as a text",
            GgufBytes.head(0, 1).string("general.alignment", "32"),
            "general.alignment: 32 (expected a power of two"));
  }

  private static Stream<Arguments> arrays() {
    return Stream.of(
        attack(
            "array in an array",
            GgufBytes.head(0, 1).text("a").u32(9).u32(9).u64(0),
            "an array of arrays"),
        attack(
            "items of an unknown type",
            GgufBytes.head(0, 1).text("a").u32(9).u32(77).u64(0),
            "type 77"),
        attack(
            "more items than bytes",
            GgufBytes.head(0, 1).text("a").u32(9).u32(0).u64(7_000_000),
            "an array of 7000000 items"),
        attack(
            "more texts than fit",
            GgufBytes.head(0, 1).text("a").u32(9).u32(8).u64(5).raw(new byte[39]),
            "an array of 5 items"),
        attack(
            "negative number of items",
            GgufBytes.head(0, 1).text("a").u32(9).u32(0).u64(-1),
            "an array of 18446744073709551615 items"),
        attack(
            "more items than anybody has",
            GgufBytes.head(0, 1).text("a").u32(9).u32(0).u64(8_000_001).data(8_100_000),
            "an array of 8000001 items"));
  }

  private static Stream<Arguments> tensors() {
    return Stream.of(
        attack("empty name", GgufBytes.head(1, 0).tensor("", F32, 0, 1).data(4), "an empty name"),
        attack(
            "name of 64 bytes",
            GgufBytes.head(1, 0).tensor("x".repeat(64), F32, 0, 1).data(4),
            "a text of 64 bytes (expected at most 63)"),
        attack(
            "name with a line break",
            GgufBytes.head(1, 0).tensor("a\nb", F32, 0, 1).data(4),
            "control characters"),
        attack(
            "name twice",
            GgufBytes.head(2, 0).tensor("a", F32, 0, 1).tensor("a", F32, 32, 1).data(36),
            "tensor a: stands there twice"),
        attack(
            "no dimension",
            GgufBytes.head(1, 0).tensor("a", F32, 0).data(4),
            "tensor a: 0 dimensions (expected 1 to 4)"),
        attack(
            "five dimensions",
            GgufBytes.head(1, 0).tensor("a", F32, 0, 1, 1, 1, 1, 1).data(4),
            "tensor a: 5 dimensions"),
        attack(
            "four billion dimensions",
            GgufBytes.head(1, 0).text("a").u32(-1).data(64),
            "tensor a: 4294967295 dimensions"),
        attack(
            "extent 0",
            GgufBytes.head(1, 0).tensor("a", F32, 0, 0).data(4),
            "tensor a: an extent of 0"),
        attack(
            "negative extent",
            GgufBytes.head(1, 0).tensor("a", F32, 0, -4).data(4),
            "tensor a: an extent of 18446744073709551612"),
        attack(
            "unknown type",
            GgufBytes.head(1, 0).tensor("a", 99, 0, 1).data(4),
            "tensor a: unknown type 99 (expected one of [F32, "),
        attack(
            "type that was given up",
            GgufBytes.head(1, 0).tensor("a", 4, 0, 32).data(32),
            "tensor a: unknown type 4"),
        attack(
            "half a block",
            GgufBytes.head(1, 0).tensor("a", Q8_0, 0, 48).data(64),
            "tensor a: rows of 48 elements of Q8_0 (expected a multiple of 32)"),
        attack(
            "elements beyond counting",
            GgufBytes.head(1, 0).tensor("a", F32, 0, 1L << 32, 1L << 32).data(4),
            "are more than the file holds"),
        attack(
            "bytes beyond counting",
            GgufBytes.head(1, 0).tensor("a", F32, 0, 1L << 62).data(4),
            "are more than the file holds"),
        attack(
            "more elements than the file holds",
            GgufBytes.head(1, 0).tensor("a", F32, 0, 1_000_000).data(4),
            "are more than the file holds"));
  }

  private static Stream<Arguments> places() {
    return Stream.of(
        attack(
            "first not at 0",
            GgufBytes.head(1, 0).tensor("a", F32, 32, 1).data(36),
            "tensor a: begins at 32 (expected 0"),
        attack(
            "gap",
            GgufBytes.head(2, 0).tensor("a", F32, 0, 1).tensor("b", F32, 64, 1).data(68),
            "tensor b: begins at 64 (expected 32"),
        attack(
            "overlap",
            GgufBytes.head(2, 0).tensor("a", F32, 0, 9).tensor("b", F32, 32, 1).data(68),
            "tensor b: begins at 32 (expected 64"),
        attack(
            "not aligned",
            GgufBytes.head(2, 0).tensor("a", F32, 0, 1).tensor("b", F32, 4, 1).data(8),
            "tensor b: begins at 4 (expected 32"),
        attack(
            "negative offset",
            GgufBytes.head(1, 0).tensor("a", F32, -32, 1).data(4),
            "tensor a: begins at 18446744073709551584"),
        attack(
            "truncated data",
            GgufBytes.head(1, 0).tensor("a", F32, 0, 2).data(7),
            "tensor a: ends at byte 8 of the data, but the file holds 7 (truncated"),
        attack("no data at all", GgufBytes.head(1, 0).tensor("a", F32, 0, 2), "(truncated"),
        attack(
            "bytes behind the last tensor",
            GgufBytes.head(1, 0).tensor("a", F32, 0, 1).data(33),
            "1 bytes behind the last tensor"));
  }

  @ParameterizedTest
  @MethodSource("broken")
  void brokenFileIsRefused(byte[] bytes, String expected) throws IOException {
    String message = refusal(bytes);

    assertThat(message).contains(expected).hasSizeLessThan(500);
    assertThat(message).isEqualTo(Words.printable(message));
  }

  /// Whatever is done to a sound file, nothing but a refusal comes of it.
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
  void damagedFileIsReadOrRefused(int seed) throws IOException {
    byte[] sound = sound();
    SplittableRandom random = new SplittableRandom(seed);
    int read = 0;
    for (int round = 0; round < 400; round++) {
      byte[] damaged =
          Arrays.copyOf(
              sound, random.nextInt(10) == 0 ? random.nextInt(sound.length) : sound.length);
      for (int i = 0; i < damaged.length && i < 1 + round % 3; i++) {
        damaged[random.nextInt(damaged.length)] = (byte) random.nextInt(256);
      }
      read += isRead(damaged) ? 1 : 0;
    }
    assertThat(read).isBetween(1, 399);
  }

  private static byte[] sound() {
    return GgufBytes.head(2, 3)
        .count("general.alignment", 32)
        .string("general.architecture", "llama")
        .text("tokenizer.ggml.tokens")
        .u32(9)
        .u32(8)
        .u64(2)
        .text("a")
        .text("b")
        .tensor("token_embd.weight", F32, 0, 4, 2)
        .tensor("blk.0.ffn_down_exps.weight", Q8_0, 32, 32, 3, 2)
        .data(32 + 6 * 34 + 20)
        .bytes();
  }

  private boolean isRead(byte[] bytes) throws IOException {
    try (GgufFile file = GgufFile.open(write(bytes))) {
      assertThat(file.tensors()).isNotNull();
      return true;
    } catch (FormatException e) {
      return false;
    }
  }

  private String refusal(byte[] bytes) throws IOException {
    Path path = write(bytes);
    String message = Refusal.of(() -> GgufFile.open(path).close());
    assertThat(message).startsWith("model.gguf: ");
    return message;
  }

  private Path write(byte[] bytes) throws IOException {
    return Files.write(folder.resolve("model.gguf"), bytes);
  }
}
