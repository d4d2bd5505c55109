package io.moepress.formats.json;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.Checks;
import io.moepress.formats.Refusal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JsonTest {
  @TempDir private Path folder;

  record Note(String text, int count, @Nullable Double weight, List<Long> sizes) {
    Note {
      Checks.requireFormat(count >= 0, "count %d (expected 0 or more)", count);
    }
  }

  @Test
  void recordsAreWrittenAndReadBack() throws IOException {
    Path file = folder.resolve("note.json");
    Note note = new Note("ü\n", 3, null, List.of(1L, 1L << 40));
    Json.write(file, note);
    assertThat(Json.read(file, Note.class)).isEqualTo(note);
    assertThat(Files.readString(file)).contains("\"sizes\": [1, 1099511627776]").endsWith("}\n");
  }

  @Test
  void keysKeepTheirOrder() {
    assertThat(Json.object("{\"b\": 1, \"a\": 2, \"c\": 3}", "x").propertyNames())
        .containsExactly("b", "a", "c");
  }

  @Test
  void nullableComponentsMayBeMissing() {
    assertThat(note("{\"text\": \"x\", \"count\": 1, \"sizes\": []}"))
        .isEqualTo(new Note("x", 1, null, List.of()));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"text\": \"x\", \"sizes\": []}| 'count'",
        "{\"text\": \"x\", \"count\": 1}| 'sizes'",
        "{\"text\": \"x\", \"count\": null, \"sizes\": []}| null",
        "{\"text\": \"x\", \"count\": \"many\", \"sizes\": []}| many",
        "{\"text\": \"x\", \"count\": 1, \"sizes\": 5}| ",
        "{\"text\": \"x\", \"count\": 1, \"sizes\": [], \"more\": 1}| \"more\"",
      })
  void whatDoesNotFitIsRefused(String text, @Nullable String complaint) {
    assertThat(Refusal.of(() -> note(text)))
        .startsWith("note.json: ")
        .contains(complaint == null ? "" : complaint);
  }

  @Test
  void complaintOfTheRecordItselfIsPassedOn() {
    assertThat(Refusal.of(() -> note("{\"text\": \"x\", \"count\": -1, \"sizes\": []}")))
        .isEqualTo("note.json: count -1 (expected 0 or more)");
  }

  @Test
  void faultIsPlacedByItsLine() {
    assertThat(Refusal.of(() -> Json.object("{\n\"a\": 1,\n\"b\": }", "x.json")))
        .startsWith("x.json: not valid JSON: ")
        .endsWith("(line 3)");
  }

  @Test
  void mapsAreWrittenInTheirOrder() {
    assertThat(Json.pretty(Map.of("a", 1))).isEqualTo("{\n  \"a\": 1\n}\n");
  }

  private static Note note(String text) {
    return Json.bind(Json.object(text, "note.json"), Note.class, "note.json");
  }
}
