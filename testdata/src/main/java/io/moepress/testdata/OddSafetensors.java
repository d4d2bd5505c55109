package io.moepress.testdata;

import static io.moepress.testdata.SafetensorsBytes.entry;
import static io.moepress.testdata.SafetensorsBytes.json;

import io.moepress.testdata.BrokenSafetensors.Attack;
import java.util.List;
import java.util.stream.Stream;

/// Files that look wrong and are right.
final class OddSafetensors {

  private OddSafetensors() {}

  static List<Attack> all() {
    return Stream.concat(headers().stream(), tensors().stream()).toList();
  }

  private static List<Attack> headers() {
    return List.of(
        file("no tensor at all", 0, "{}"),
        file("no tensor, metadata", 0, "{\"__metadata__\":{\"format\":\"pt\"}}"),
        file("metadata null", 0, "{\"__metadata__\":null}"),
        file("empty metadata", 0, "{\"__metadata__\":{}}"),
        file(
            "repeated key in metadata, the last one wins",
            0,
            "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}"),
        file("metadata last", 4, "{\"a\":" + f32(0) + ",\"__metadata__\":{\"format\":\"pt\"}}"),
        file("trailing spaces", 4, "{\"a\":" + f32(0) + "}      "),
        file("trailing line break and tab", 4, "{\"a\":" + f32(0) + "}\r\n\t"),
        file("leading spaces and line break", 4, "  \n{\"a\":" + f32(0) + "}"),
        file("spaces everywhere", 4, " { \"a\" : " + f32(0).replace(",", " ,\n ") + " } "),
        file("unknown field in an entry", 4, extended("\"strides\":[1]")),
        file("unknown fields that nest", 4, extended("\"note\":{\"a\":[{},[null,true,-1.5e-3]]}")));
  }

  private static List<Attack> tensors() {
    return List.of(
        file("scalar", 4, members(tensor("a", "F32", 0, 4))),
        file("size 0", 0, members(tensor("a", "F32", 0, 0, 0))),
        file("size 0 between others", 0, members(tensor("a", "F32", 0, 0, 3, 0, 5))),
        file("0 by 2^62", 0, members(tensor("a", "U8", 0, 0, 0, 1L << 62))),
        file(
            "two empty tensors at one place",
            0,
            members(tensor("a", "F32", 0, 0, 0), tensor("b", "F32", 0, 0, 0))),
        file(
            "empty tensor between two",
            8,
            members(
                tensor("a", "F32", 0, 4), tensor("e", "U8", 4, 4, 0), tensor("b", "F32", 4, 8))),
        file(
            "empty tensor at the end",
            4,
            members(tensor("a", "F32", 0, 4), tensor("e", "U8", 4, 4, 0))),
        file(
            "F32 at an odd offset",
            5,
            members(tensor("a", "U8", 0, 1, 1), tensor("b", "F32", 1, 5))),
        file(
            "header in another order than the data",
            8,
            members(tensor("a", "F32", 4, 8), tensor("b", "F32", 0, 4))),
        file(
            "fields of an entry in another order",
            4,
            "{\"a\":{\"data_offsets\":[0,4],\"shape\":[],\"dtype\":\"F32\"}}"),
        file("ten dimensions", 4, members(tensor("a", "F32", 0, 4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1))),
        file("4 elements of 4 bits", 2, members(tensor("a", "F4", 0, 2, 4))),
        file("4 elements of 6 bits", 3, members(tensor("a", "F6_E2M3", 0, 3, 4))),
        file(
            "names beyond ASCII",
            8,
            members(tensor("\u00fc\u6f22", "F32", 0, 4), tensor("\ud83d\ude00", "F32", 4, 8))),
        file("emoji as an escaped pair", 4, "{\"\\ud83d\\ude00\":" + f32(0) + "}"),
        file(
            "names that differ in case",
            8,
            members(tensor("a", "F32", 0, 4), tensor("A", "F32", 4, 8))),
        file("name like a path, and only a name", 4, members(tensor("../../a", "F32", 0, 4))),
        file("name known to JavaScript", 4, members(tensor("__proto__", "F32", 0, 4))));
  }

  private static Attack file(String name, int dataBytes, String header) {
    return new Attack(name, SafetensorsBytes.file(header, new byte[dataBytes]), "");
  }

  private static String extended(String field) {
    return "{\"a\":" + f32(0).replace("}", "," + field + "}") + "}";
  }

  private static String members(String... members) {
    return "{" + String.join(",", members) + "}";
  }

  private static String tensor(String name, String dtype, long begin, long end, long... shape) {
    return json(name) + ":" + entry(dtype, shape, begin, end);
  }

  private static String f32(long begin) {
    return entry("F32", new long[] {}, begin, begin + 4);
  }
}
