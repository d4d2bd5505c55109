package io.moepress.cli;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// JSON that becomes as large as possible in memory for its length.
enum LargeInput {
  OBJECTS,
  LISTS,
  NUMBERS,
  FRACTIONS,
  TEXTS,
  NESTED,
  LONG_TEXT,
  LONG_NAME,
  ESCAPED_TEXT,
  NAMES,
  NAMES_OF_ONE_HASH,
  SPACE;

  private static final int HASHED = 16;

  /// No longer one is looked into.
  private static final int LARGEST_RECIPE = 1_000_000;

  /// All that there is for a target, each of about so many bytes.
  static List<byte[]> all(FuzzTarget target, Path folder, int length) throws IOException {
    return of(target, folder, length, List.of(values()));
  }

  /// Those that take most memory.
  static List<byte[]> worst(FuzzTarget target, Path folder, int length) throws IOException {
    return of(target, folder, length, List.of(OBJECTS, NESTED));
  }

  private static List<byte[]> of(
      FuzzTarget target, Path folder, int length, List<LargeInput> inputs) throws IOException {
    return switch (target) {
      case SAFETENSORS -> headers(length);
      case GGUF, IMATRIX -> List.of(); // no JSON; their counts have limits of their own
      case RECIPE -> json(target, folder, Math.min(length, LARGEST_RECIPE), inputs);
      case INDEX, CONFIG, ARCHITECTURE, PLAN, EVIDENCE, LEARNED, RETAINED, MANIFEST ->
          json(target, folder, length, inputs);
    };
  }

  private static List<byte[]> json(
      FuzzTarget target, Path folder, int length, List<LargeInput> inputs) throws IOException {
    Optional<byte[]> sound = sound(target, folder);
    List<byte[]> files = new ArrayList<>();
    for (LargeInput input : inputs) {
      files.add(input.text(length).getBytes(StandardCharsets.UTF_8));
      sound.ifPresent(file -> files.add(input.within(file, length)));
    }
    return files;
  }

  /// A file of the corpus that the target takes, where it is JSON.
  private static Optional<byte[]> sound(FuzzTarget target, Path folder) throws IOException {
    for (byte[] file : FuzzRun.corpus(target)) {
      if (file.length > 0 && file[0] == '{' && target.run(file, folder)) {
        return Optional.of(file);
      }
    }
    return Optional.empty();
  }

  /// The same as one more entry of a file.
  private byte[] within(byte[] sound, int length) {
    String whole = new String(sound, StandardCharsets.UTF_8);
    String added = text(length);
    String entry = added.substring(1, added.length() - 1);
    return ("{" + entry + (entry.isBlank() ? "" : ",") + whole.substring(1))
        .getBytes(StandardCharsets.UTF_8);
  }

  private String text(int length) {
    return switch (this) {
      case OBJECTS -> "{\"x\":[" + repeated("{}", length) + "]}";
      case LISTS -> "{\"x\":[" + repeated("[]", length) + "]}";
      case NUMBERS -> "{\"x\":[" + repeated("0", length) + "]}";
      case FRACTIONS -> "{\"x\":[" + repeated("1.5", length) + "]}";
      case TEXTS -> "{\"x\":[" + repeated("\"a\"", length) + "]}";
      case NESTED -> "{\"x\":[" + repeated("[".repeat(50) + "]".repeat(50), length) + "]}";
      case LONG_TEXT -> "{\"x\":\"" + "a".repeat(length) + "\"}";
      case LONG_NAME -> "{\"" + "a".repeat(length) + "\":0}";
      case ESCAPED_TEXT -> "{\"x\":\"" + "\\n".repeat(length / 2) + "\"}";
      case NAMES ->
          "{\"x\":{" + names(length, i -> Integer.toString(i, Character.MAX_RADIX)) + "}}";
      case NAMES_OF_ONE_HASH -> "{\"x\":{" + names(length, LargeInput::colliding) + "}}";
      case SPACE -> "{" + " ".repeat(length) + "}";
    };
  }

  private static String repeated(String item, int length) {
    int times = Math.max(1, length / (item.length() + 1));
    return (item + ",").repeat(times - 1) + item;
  }

  private static String names(int length, IntFunction<String> name) {
    List<String> names = new ArrayList<>();
    for (int i = 0, size = 0; size < length; i++) {
      names.add("\"" + name.apply(i) + "\":0");
      size += names.getLast().length() + 1;
    }
    return String.join(",", names);
  }

  /// Names with the same hash: `Aa` and `BB` have one.
  private static String colliding(int number) {
    return IntStream.range(0, HASHED)
        .mapToObj(bit -> (number >> bit & 1) == 0 ? "Aa" : "BB")
        .collect(Collectors.joining());
  }

  /// Headers of safetensors files that are almost only names, extents, lists or text.
  private static List<byte[]> headers(int length) {
    String empty = "\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}";
    String byteEach = "\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[";
    String manyExtents = byteEach.replace("[1]", "[" + "1,".repeat(31) + "1]");
    String text = "\"__metadata__\":{\"a\":\"" + "b".repeat(length) + "\"}";
    return List.of(
        header(length, i -> "\"" + i + "\":{" + empty),
        header(length, i -> "\"" + colliding(i) + i + "\":{" + empty),
        header(length, i -> "\"" + i + "\":{" + byteEach + i + "," + (i + 1) + "]}"),
        header(length, i -> "\"" + i + "\":{" + manyExtents + i + "," + (i + 1) + "]}"),
        header(length, i -> "\"x" + i + "\":" + "[".repeat(20) + "]".repeat(20)),
        header(length, i -> text),
        header(length, i -> "\"x\":{" + empty));
  }

  private static byte[] header(int length, IntFunction<String> entry) {
    StringBuilder text = new StringBuilder("{");
    int count = 0;
    while (text.length() < length) {
      text.append(count == 0 ? "" : ",").append(entry.apply(count++));
    }
    byte[] json = text.append("}").toString().getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(Long.BYTES + json.length + count)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(json.length)
        .put(json)
        .array();
  }
}
