package io.moepress.testdata;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.moepress.testdata.BrokenSafetensors.Attack;
import java.util.List;

/// Files that are wrong before the first tensor is: length, encoding, JSON, metadata.
final class BrokenHeaders {

  private static final byte[] NOTHING = {};
  private static final String JSON = "json";
  private static final String LENGTH = "header length";
  private static final String METADATA = "__metadata__";

  private BrokenHeaders() {}

  static List<Attack> lengths() {
    return List.of(
        new Attack("empty file", NOTHING, "8 bytes"),
        new Attack("7 bytes", new byte[7], "8 bytes"),
        declared("header length 0", 0, "", LENGTH),
        declared("header length 0 in front of a header", 0, "{}", LENGTH),
        declared("header length 1", 1, "{", JSON),
        declared("header length 2^63", Long.MIN_VALUE, "{}", LENGTH),
        declared("header length 2^64 - 1", -1, "{}", LENGTH),
        declared("header length 2^64 - 8, file size when added to 8", -8, "{}", LENGTH),
        declared("header length 2^32, 0 as an int", 1L << 32, "{}", LENGTH),
        declared("header length 100,000,001", 100_000_001, "{}", LENGTH),
        declared("header length one past the end", 3, "{}", LENGTH),
        declared("header length one short", 1, "{}", JSON));
  }

  static List<Attack> encodings() {
    return List.of(
        raw("name in Latin-1", "{\"\u00e9\":" + scalar() + "}", "utf-8"),
        raw("overlong UTF-8", "{\"\u00c0\u00af\":" + scalar() + "}", "utf-8"),
        raw("surrogate in UTF-8", "{\"\u00ed\u00a0\u0080\":" + scalar() + "}", "utf-8"),
        raw("UTF-8 cut short", "{} \u00c3", "utf-8"),
        raw("byte order mark", "\u00ef\u00bb\u00bf{}", JSON),
        raw("UTF-16", "{\0}\0", JSON),
        raw("NUL padding", "{}\0\0\0\0\0\0", JSON),
        header("lone surrogate in a name", "{\"\\ud800\":" + scalar() + "}", "surrogate"),
        header("line break inside a name", "{\"a\nb\":" + scalar() + "}", JSON),
        header("invalid escape", "{\"\\x61\":" + scalar() + "}", JSON));
  }

  static List<Attack> structures() {
    return List.of(
        empty("only spaces", "        ", JSON),
        empty("root is a list", "[]", "object"),
        empty("root is a string", "\"{}\"", "object"),
        empty("root is a number", "12", "object"),
        empty("root is null", "null", "object"),
        empty("object not closed", "{\"__metadata__\":{}", JSON),
        header("trailing comma", "{\"a\":" + scalar() + ",}", JSON),
        header("missing comma", "{\"a\":" + scalar() + " \"__metadata__\":{}}", JSON),
        header("letters after the object", "{\"a\":" + scalar() + "} x", JSON),
        header("second object after the object", "{\"a\":" + scalar() + "}{}", JSON),
        header("comment", "{\"a\":" + scalar() + "/* four bytes */}", JSON),
        header("single quotes", "{'a':" + scalar() + "}", JSON),
        header("name without quotes", "{a:" + scalar() + "}", JSON),
        deep("deep nesting of lists in an ignored field", "[", "]"),
        deep("deep nesting of objects in an ignored field", "{\"x\":", "}"));
  }

  static List<Attack> metadata() {
    return List.of(
        empty("metadata is a list", "{\"__metadata__\":[]}", METADATA),
        empty("metadata is a string", "{\"__metadata__\":\"pt\"}", METADATA),
        empty("metadata value is a number", "{\"__metadata__\":{\"format\":1}}", METADATA),
        empty("metadata value is null", "{\"__metadata__\":{\"format\":null}}", METADATA),
        empty("metadata value is an object", "{\"__metadata__\":{\"format\":{}}}", METADATA),
        header("metadata is a tensor", "{\"__metadata__\":" + scalar() + "}", METADATA),
        empty("metadata twice", "{\"__metadata__\":{},\"__metadata__\":{}}", "duplicate"),
        empty(
            "metadata twice, once escaped",
            "{\"__metadata__\":{},\"\\u005f_metadata__\":{}}",
            "duplicate"));
  }

  /// A header whose true length is not the declared one.
  private static Attack declared(String name, long length, String header, String message) {
    return new Attack(name, SafetensorsBytes.file(length, header, NOTHING), message);
  }

  /// Each character of the header is one byte.
  private static Attack raw(String name, String header, String message) {
    byte[] bytes = header.getBytes(ISO_8859_1);
    byte[] data = header.contains("dtype") ? new byte[4] : NOTHING;
    return new Attack(name, SafetensorsBytes.file(bytes.length, bytes, data), message);
  }

  private static Attack empty(String name, String header, String message) {
    return new Attack(name, SafetensorsBytes.file(header, NOTHING), message);
  }

  private static Attack header(String name, String header, String message) {
    return new Attack(name, SafetensorsBytes.file(header, new byte[4]), message);
  }

  private static Attack deep(String name, String open, String close) {
    int levels = 100_000;
    String ignored = open.repeat(levels) + "0" + close.repeat(levels);
    String entry = scalar().replace("}", ",\"ignored\":" + ignored + "}");
    return header(name, "{\"a\":" + entry + "}", "nest");
  }

  /// The entry of one F32, the only tensor of a file with 4 bytes of data.
  private static String scalar() {
    return SafetensorsBytes.entry("F32", new long[] {}, 0, 4);
  }
}
