package io.moepress.formats.json;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.Refusal;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonEditTest {

  @Test
  void aPathLeadsIntoNestedObjects() {
    String text = "{\"a\": {\"n\" : 1, \"deep\": { \"n\": 2 }},\n \"n\": 3}";

    assertThat(JsonEdit.set(text, List.of("a", "n"), "9")).isEqualTo(text.replace("1", "9"));
    assertThat(JsonEdit.set(text, List.of("a", "deep", "n"), "9"))
        .isEqualTo(text.replace("2", "9"));
    assertThat(JsonEdit.set(text, List.of("n"), "9")).isEqualTo(text.replace("3", "9"));
    assertThat(JsonEdit.set("{\"a\": {\"b\": 1}}", List.of("a", "c"), "2"))
        .isEqualTo("{\"a\": {\"b\": 1,\"c\": 2}}");
    assertThat(JsonEdit.set("{}", List.of("a", "c"), "2")).isEqualTo("{\"a\": {\"c\": 2}}");
    assertThat(Refusal.of(() -> JsonEdit.set("{\"a\": 1}", List.of("a", "c"), "2")))
        .isEqualTo("not a JSON object");
  }

  private static final List<String> SPACES = List.of("", " ", "\n  ", "\r\n\t", "   ");
  private static final List<String> VALUES =
      List.of(
          "1",
          "1e-06",
          "-0.50",
          "12345678901234567890123",
          "true",
          "null",
          "\"\"",
          "\"x\"",
          "\"a, \\\"k\\\": 2} \"",
          "\"ü😀\\ud83d\\ude00\"",
          "[]",
          "[1, [2,\t3], {\"k\": 4}]",
          "{ }",
          "{\"k\": {\"k\": 1}, \"l\": [\"}\"]}");

  /// A text before an edit and after it.
  record Edit(String before, String after) {}

  static List<Edit> replacements() {
    return List.of(
        new Edit("{\"k\": 1, \"b\": 1e-06}", "{\"k\": 7, \"b\": 1e-06}"), // first
        new Edit("{\"a\": 1.50, \"k\": 1}", "{\"a\": 1.50, \"k\": 7}"), // last
        new Edit("{\"k\":1}", "{\"k\":7}"),
        new Edit("{\"k\":1,\"a\":2}", "{\"k\":7,\"a\":2}"),
        new Edit("{\"k\" :\t1 , \"a\": 2}", "{\"k\" :\t7 , \"a\": 2}"),
        new Edit("{\n  \"k\": 1\n}", "{\n  \"k\": 7\n}"),
        new Edit("{\n  \"k\": 1\n}\n\n", "{\n  \"k\": 7\n}\n\n"),
        new Edit("{\r\n  \"k\": 1\r\n}\r\n", "{\r\n  \"k\": 7\r\n}\r\n"),
        new Edit(
            "{\r\n  \"a\": \"x\",\r\n  \"k\": 1,\r\n  \"b\": 2\r\n}",
            "{\r\n  \"a\": \"x\",\r\n  \"k\": 7,\r\n  \"b\": 2\r\n}"),
        new Edit("{\"k\": \"text, \\\"k\\\": 1 \", \"a\": 2}", "{\"k\": 7, \"a\": 2}"),
        new Edit("{\"k\": [1, {\"k\": 2}], \"a\": 2}", "{\"k\": 7, \"a\": 2}"),
        new Edit("{\"k\": null}", "{\"k\": 7}"),
        new Edit(
            "{\"a\": {\"k\": 1}, \"k\": 2}", "{\"a\": {\"k\": 1}, \"k\": 7}"), // not the nested
        new Edit("{\"k\": 2, \"a\": [{\"k\": 1}]}", "{\"k\": 7, \"a\": [{\"k\": 1}]}"),
        new Edit("{\"a\": \"k\", \"k\": 2}", "{\"a\": \"k\", \"k\": 7}"), // a value, not a key
        new Edit("{\"kk\": 1, \"K\": 2, \"k\": 3}", "{\"kk\": 1, \"K\": 2, \"k\": 7}"),
        new Edit("{\"\\u006b\": 1}", "{\"\\u006b\": 7}"), // the same key, escaped
        new Edit("{\"ü漢😀\": \"ü漢😀\", \"k\": 1}", "{\"ü漢😀\": \"ü漢😀\", \"k\": 7}"),
        new Edit("  {\"k\": 1}  ", "  {\"k\": 7}  "));
  }

  static List<Edit> additions() {
    return List.of(
        new Edit("{}", "{\"k\": 7}"),
        new Edit("{ }", "{ \"k\": 7}"),
        new Edit("{\"a\": 1}", "{\"a\": 1,\"k\": 7}"),
        new Edit("{\"a\": 1, \"b\": 2}", "{\"a\": 1, \"b\": 2, \"k\": 7}"),
        new Edit("{\n  \"a\": 1\n}\n", "{\n  \"a\": 1,\n  \"k\": 7\n}\n"),
        new Edit("{\n\t\"a\": \"x \"\n}", "{\n\t\"a\": \"x \",\n\t\"k\": 7\n}"),
        new Edit("{\r\n  \"a\": [1]\r\n}\r\n", "{\r\n  \"a\": [1],\r\n  \"k\": 7\r\n}\r\n"),
        new Edit(
            "{\n    \"a\": {\n        \"k\": 1\n    }\n}",
            "{\n    \"a\": {\n        \"k\": 1\n    },\n    \"k\": 7\n}"));
  }

  @ParameterizedTest
  @MethodSource("replacements")
  void onlyTheValueChanges(Edit edit) {
    assertThat(JsonEdit.set(edit.before(), "k", "7")).isEqualTo(edit.after());
  }

  @ParameterizedTest
  @MethodSource("additions")
  void newKeyComesLastAndIsIndentedAlike(Edit edit) {
    assertThat(JsonEdit.set(edit.before(), "k", "7")).isEqualTo(edit.after());
  }

  @Test
  void newKeyIsEscaped() {
    assertThat(JsonEdit.set("{}", "a\"b", "1")).isEqualTo("{\"a\\\"b\": 1}");
  }

  @Test
  void settingTheSameValueChangesNothing() {
    String text = "{\r\n \"a\" : 1e-06 ,\"b\":[ 1 ],\t\"c\": \"x\"}";
    assertThat(JsonEdit.set(text, "a", "1e-06")).isEqualTo(text);
    assertThat(JsonEdit.set(text, "b", "[ 1 ]")).isEqualTo(text);
    assertThat(JsonEdit.set(text, "c", "\"x\"")).isEqualTo(text);
  }

  /// Texts longer than any buffer of the parser, in random spacing, put together from parts so that
  /// the right answer is known.
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
  void anyKeyOfAnyTextIsReplacedInPlace(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int keys = 1 + random.nextInt(seed % 2 == 0 ? 8 : 4_000);
    int chosen = random.nextInt(keys);
    String value = pick(random, VALUES);
    StringBuilder before = new StringBuilder(pick(random, SPACES)).append('{');
    StringBuilder after = new StringBuilder(before);
    for (int key = 0; key < keys; key++) {
      String spaces = pick(random, SPACES);
      String head = (key == 0 ? "" : ",") + spaces + "\"key" + key + "\"" + spaces + ":" + spaces;
      String old = pick(random, VALUES);
      String tail = pick(random, SPACES);
      before.append(head).append(old).append(tail);
      after.append(head).append(key == chosen ? value : old).append(tail);
    }
    String end = pick(random, SPACES) + "}" + pick(random, SPACES);
    assertThat(JsonEdit.set(before + end, "key" + chosen, value)).isEqualTo(after + end);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"[]", "1", "", "{\"a\": 1", "{\"a\" 1}", "{\"a\": 1, \"a\": 2}", "{\"a\":}"})
  void whatIsNoObjectIsRefused(String text) {
    assertThat(Refusal.of(() -> JsonEdit.set(text, "k", "7"))).startsWith("not ");
  }

  private static String pick(SplittableRandom random, List<String> choices) {
    return choices.get(random.nextInt(choices.size()));
  }
}
