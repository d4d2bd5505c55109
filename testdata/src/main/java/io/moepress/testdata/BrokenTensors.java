package io.moepress.testdata;

import static io.moepress.testdata.SafetensorsBytes.entry;

import io.moepress.testdata.BrokenSafetensors.Attack;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// Files whose header is proper JSON, but whose tensors cannot be.
final class BrokenTensors {

  private static final String DTYPE = "dtype";
  private static final String SHAPE = "shape";
  private static final String OFFSETS = "data_offsets";
  private static final String TRUNCATED = "truncated";
  private static final String GAP = "gap";
  private static final String OVERLAP = "overlap";
  private static final String OVERFLOW = "overflow";
  private static final String BYTES = "bytes";
  private static final String DUPLICATE = "duplicate";
  private static final String NAME = "name";

  private BrokenTensors() {}

  /// Whole tensors of bytes in the wrong places.
  static List<Attack> ranges() {
    return List.of(
        file("data one byte short", 7, TRUNCATED, bytes("a", 0, 4), bytes("b", 4, 8)),
        file("data missing", 0, TRUNCATED, bytes("a", 0, 4)),
        file(
            "data ends inside an earlier tensor", 3, TRUNCATED, bytes("a", 0, 4), bytes("b", 4, 8)),
        file("data one byte long", 9, "after the last tensor", bytes("a", 0, 4), bytes("b", 4, 8)),
        file("data without a tensor", 1, "after the last tensor"),
        file("hole in front", 8, GAP, bytes("a", 4, 8)),
        file("hole between", 12, GAP, bytes("a", 0, 4), bytes("b", 8, 12)),
        file("hole in front of an empty tensor", 4, GAP, bytes("a", 0, 4), bytes("b", 8, 8)),
        file("overlap by one byte", 7, OVERLAP, bytes("a", 0, 4), bytes("b", 3, 7)),
        file("one tensor inside another", 8, OVERLAP, bytes("a", 0, 8), bytes("b", 2, 4)),
        file("two tensors share a range", 4, OVERLAP, bytes("a", 0, 4), bytes("b", 0, 4)),
        file("empty tensor inside another", 8, OVERLAP, bytes("a", 0, 8), bytes("b", 4, 4)),
        file("20,000 tensors share a range", 4, OVERLAP, sharingOneRange(20_000)),
        file(
            "gap made good by an overlap",
            8,
            GAP,
            bytes("a", 0, 4),
            bytes("b", 5, 8),
            bytes("c", 6, 7)),
        file("ends at 2^59", 8, TRUNCATED, bytes("a", 0, 1L << 59)),
        file("ends near 2^63", 8, BYTES, "\"a\":" + entry("U8", shape(8), 0, Long.MAX_VALUE)),
        file("begins near 2^63", 8, GAP, bytes("a", Long.MAX_VALUE - 8, Long.MAX_VALUE)));
  }

  /// `data_offsets` that are no pair of positions.
  static List<Attack> offsets() {
    return List.of(
        placed("begin after end", "[4,0]"),
        placed("negative begin", "[-4,0]"),
        placed("negative zero", "[-0,4]"),
        placed("end is 4.0", "[0,4.0]"),
        placed("end is 4e0", "[0,4e0]"),
        placed("end is 2^63", "[0,9223372036854775808]"),
        placed("end is 2^64 + 4", "[0,18446744073709551620]"),
        placed("end has 5,000 digits", "[0," + "4".repeat(5_000) + "]"),
        placed("end is a string", "[0,\"4\"]"),
        placed("end is null", "[0,null]"),
        placed("no offsets", "[]"),
        placed("one offset", "[4]"),
        placed("three offsets", "[0,4,4]"),
        placed("offsets in a list of lists", "[[0,4]]"),
        placed("offsets in an object", "{\"begin\":0,\"end\":4}"),
        placed("offsets are a number", "4"),
        placed("offsets are null", "null"));
  }

  static List<Attack> shapes() {
    return List.of(
        shaped("negative shape", "[-1]", SHAPE),
        shaped("two negative sizes", "[-1,-1]", SHAPE),
        shaped("size is 1.0", "[1.0]", SHAPE),
        shaped("size is 1e0", "[1e0]", SHAPE),
        shaped("size is a string", "[\"1\"]", SHAPE),
        shaped("size is true", "[true]", SHAPE),
        shaped("size is null", "[null]", SHAPE),
        shaped("shape is a number", "1", SHAPE),
        shaped("shape is null", "null", SHAPE),
        shaped("shape is nested", "[[1]]", SHAPE),
        shaped("size with 5,000 digits", "[" + "1".repeat(5_000) + "]", SHAPE),
        shaped("2^32 by 2^32, product 0 in 64 bits", "[4294967296,4294967296]", OVERFLOW),
        shaped(
            "7 by 7905747460161236407, product 1 in 64 bits", "[7,7905747460161236407]", OVERFLOW),
        shaped("2^62 by 4 by 0", "[4611686018427387904,4,0]", OVERFLOW),
        shaped("2^62 elements of 4 bytes, 0 bytes in 64 bits", "[4611686018427387904]", OVERFLOW),
        shaped("2^63 by 0", "[9223372036854775808,0]", SHAPE),
        shaped("one element too many", "[2]", BYTES),
        shaped("one element too few", "[0]", BYTES),
        file(
            "range longer than the shape says", 8, BYTES, "\"a\":" + entry("F32", shape(1), 0, 8)));
  }

  static List<Attack> dtypes() {
    return List.of(
        typed("unknown dtype", "\"Q4\"", DTYPE),
        typed("dtype in lower case", "\"f32\"", DTYPE),
        typed("dtype with a space", "\"F32 \"", DTYPE),
        typed("empty dtype", "\"\"", DTYPE),
        typed("dtype is a number", "32", DTYPE),
        typed("dtype is null", "null", DTYPE),
        file("3 elements of 4 bits", 2, "whole", "\"a\":" + entry("F4", shape(3), 0, 2)),
        file(
            "3 elements of 4 bits, rounded down",
            1,
            "whole",
            "\"a\":" + entry("F4", shape(3), 0, 1)),
        file("1 element of 6 bits", 1, "whole", "\"a\":" + entry("F6_E2M3", shape(1), 0, 1)),
        file("6 elements of 6 bits", 5, "whole", "\"a\":" + entry("F6_E3M2", shape(6), 0, 5)));
  }

  static List<Attack> names() {
    String megabyte = "a".repeat(1 << 20);
    return List.of(
        file("duplicate name", 8, DUPLICATE, bytes("a", 0, 4), bytes("a", 4, 8)),
        file("duplicate name, same range", 4, DUPLICATE, bytes("a", 0, 4), bytes("a", 0, 4)),
        file("duplicate name, one escaped", 8, DUPLICATE, bytes("a", 0, 4), bytes("\\u0061", 4, 8)),
        file(
            "duplicate name, slash escaped",
            8,
            DUPLICATE,
            bytes("a/b", 0, 4),
            bytes("a\\/b", 4, 8)),
        file("empty name", 4, NAME, bytes("", 0, 4)),
        file("name of a megabyte", 4, NAME, bytes(megabyte, 0, 4)));
  }

  /// Entries that lack something, say something twice, or are no entries.
  static List<Attack> entries() {
    String dtype = "\"dtype\":\"F32\"";
    String shape = "\"shape\":[1]";
    String offsets = "\"data_offsets\":[0,4]";
    return List.of(
        described("no dtype", DTYPE, shape, offsets),
        described("no shape", SHAPE, dtype, offsets),
        described("no data_offsets", OFFSETS, dtype, shape),
        described("empty entry", "a"),
        described("dtype twice", DUPLICATE, dtype, shape, offsets, dtype),
        described("shape twice", DUPLICATE, dtype, shape, offsets, shape),
        described("data_offsets twice", DUPLICATE, dtype, shape, offsets, offsets),
        described(
            "dtype twice, once escaped",
            DUPLICATE,
            dtype,
            shape,
            offsets,
            "\"\\u0064type\":\"F32\""),
        file("entry is null", 0, "object", "\"a\":null"),
        file("entry is a string", 0, "object", "\"a\":\"F32\""),
        file("entry is a list", 4, "object", "\"a\":[\"F32\",[1],[0,4]]"));
  }

  private static Attack file(String name, int dataBytes, String message, String... members) {
    String header = "{" + String.join(",", members) + "}";
    return new Attack(name, SafetensorsBytes.file(header, new byte[dataBytes]), message);
  }

  private static Attack placed(String name, String offsets) {
    return described(
        name, OFFSETS, "\"dtype\":\"F32\"", "\"shape\":[1]", "\"data_offsets\":" + offsets);
  }

  private static Attack shaped(String name, String shape, String message) {
    return described(
        name, message, "\"dtype\":\"F32\"", "\"shape\":" + shape, "\"data_offsets\":[0,4]");
  }

  private static Attack typed(String name, String dtype, String message) {
    return described(
        name, message, "\"dtype\":" + dtype, "\"shape\":[1]", "\"data_offsets\":[0,4]");
  }

  private static Attack described(String name, String message, String... fields) {
    return file(name, 4, message, "\"a\":{" + String.join(",", fields) + "}");
  }

  /// A tensor of bytes that fills its range; the name stands in the header as it is.
  private static String bytes(String name, long begin, long end) {
    return "\"" + name + "\":" + entry("U8", shape(end - begin), begin, end);
  }

  private static String sharingOneRange(int tensors) {
    return IntStream.range(0, tensors)
        .mapToObj(i -> bytes("a" + i, 0, 4))
        .collect(Collectors.joining(","));
  }

  private static long[] shape(long... sizes) {
    return sizes;
  }
}
