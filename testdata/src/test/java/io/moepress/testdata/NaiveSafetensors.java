package io.moepress.testdata;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Reads a well-formed safetensors file with one regular expression; trusts everything.
record NaiveSafetensors(Map<String, Tensor> tensors) {

  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Tensor(String dtype, long[] shape, byte[] data) {}

  private static final Pattern ENTRY =
      Pattern.compile(
          "\"([^\"]+)\":\\{\"dtype\":\"(\\w+)\",\"shape\":\\[([\\d,]*)],\"data_offsets\":\\[(\\d+),(\\d+)]}");

  static NaiveSafetensors read(Path file) throws IOException {
    return read(Files.readAllBytes(file));
  }

  static NaiveSafetensors read(byte[] file) {
    long headerLength = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong();
    int data = 8 + Math.toIntExact(headerLength);
    Matcher entry = ENTRY.matcher(new String(file, 8, data - 8, UTF_8));
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    while (entry.find()) {
      byte[] bytes =
          Arrays.copyOfRange(
              file,
              data + Integer.parseInt(entry.group(4)),
              data + Integer.parseInt(entry.group(5)));
      tensors.put(entry.group(1), new Tensor(entry.group(2), shape(entry.group(3)), bytes));
    }
    return new NaiveSafetensors(tensors);
  }

  Tensor tensor(String name) {
    return Objects.requireNonNull(tensors.get(name), name);
  }

  private static long[] shape(String text) {
    return text.isEmpty()
        ? new long[0]
        : Pattern.compile(",").splitAsStream(text).mapToLong(Long::parseLong).toArray();
  }
}
