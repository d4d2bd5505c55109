package io.moepress.formats;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WordsTest {

  @ParameterizedTest
  @CsvSource({
    "kep, keep", // a letter is missing
    "keeep, keep", // a letter too many
    "kerp, keep", // a wrong letter
    "kepe, keep", // two letters swapped
    "experst, experts",
    "eperst, experts", // a long word may have two slips
  })
  void slipsAreRecognised(String typed, String meant) {
    assertThat(Words.closest(typed, List.of("method", "keep", "experts"))).contains(meant);
  }

  @ParameterizedTest
  @CsvSource({
    "seed, keep", // half of the word is different
    "epe, keep",
    "x, y",
    "experts, expat",
    "keepkeep, keep",
  })
  void otherWordsAreNoSlips(String typed, String other) {
    assertThat(Words.closest(typed, List.of(other))).isEmpty();
  }

  @Test
  void theNearestWinsAndTiesGoByTheAlphabet() {
    assertThat(Words.closest("samples", List.of("sampler", "samples"))).contains("samples");
    assertThat(Words.closest("cat", List.of("hat", "bat"))).contains("bat");
  }

  @Test
  void controlCharactersDoNotReachTheTerminal() {
    assertThat(Words.quoted("a\u001b[31m\n\u202e\u009b\ud800")).isEqualTo("\"a?[31m????\"");
  }

  @Test
  void aLongValueIsCutBetweenCharacters() {
    assertThat(Words.shown("𝄞".repeat(61))).isEqualTo("𝄞".repeat(60) + "…");
    assertThat(Words.shown("𝄞".repeat(60))).isEqualTo("𝄞".repeat(60));
  }

  @Test
  void alternativesEndWithOr() {
    assertThat(Words.or(List.of())).isEmpty();
    assertThat(Words.or(List.of("4"))).isEqualTo("4");
    assertThat(Words.or(List.of("4", "8"))).isEqualTo("4 or 8");
    assertThat(Words.or(List.of("2", "3", "4"))).isEqualTo("2, 3 or 4");
  }
}
