package io.moepress.recipes.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// One broken file per way to be broken.
class YamlSourceTest {

  @Test
  void aFileWithoutContentIsRefused() {
    assertRefused("", "recipe.yaml:1: empty (expected a recipe)");
    assertRefused("# only a comment\n", "recipe.yaml:1: empty (expected a recipe)");
    assertRefused("---\n", "recipe.yaml:1: empty (expected a recipe)");
  }

  @Test
  void aRecipeIsAMap() {
    String expected = "the recipe is not a map (expected \"key: value\" lines)";
    assertRefused("- a\n- b\n", "recipe.yaml:1: " + expected);
    assertRefused("\njust text\n", "recipe.yaml:2: " + expected);
  }

  @Test
  void duplicateKeysAreRefusedWithBothLines() {
    assertRefused(
        "steps:\n- prune:\n    keep: 50%\n    router: slice\n    keep: 25%\n",
        "recipe.yaml:5: duplicate key \"keep\" in \"steps[0].prune\"; first on line 3."
            + " Remove one of them");
    assertRefused(
        "a: 1\n\"a\": 2\n",
        "recipe.yaml:2: duplicate key \"a\" in the recipe; first on line 1. Remove one of them");
  }

  @Test
  void keysAreText() {
    assertRefused("a: {1: x}", "recipe.yaml:1: key 1 in \"a\" (expected a name)");
    assertRefused("\ntrue: x", "recipe.yaml:2: key true in the recipe (expected a name)");
    assertRefused("~: x", "recipe.yaml:1: key ~ in the recipe (expected a name)");
    assertRefused("?\n: x", "recipe.yaml:1: an empty key in the recipe (expected a name)");
    assertRefused("? [a]\n: x", "recipe.yaml:1: a list as a key in the recipe (expected a name)");
    assertRefused("? {a: b}\n: x", "recipe.yaml:1: a map as a key in the recipe (expected a name)");
  }

  @Test
  void anchorsAndAliasesAreRefused() {
    assertRefused(
        "a: 1\nb: &x [1]\nc: *x\n",
        "recipe.yaml:2: anchor \"&x\" (expected a value). Write the value out where it is needed");
    assertRefused(
        "a: &x 1\n",
        "recipe.yaml:1: anchor \"&x\" (expected a value). Write the value out where it is needed");
    assertRefused("a: *x\n", "recipe.yaml:1: alias \"*x\" (expected a value). Write the value out");
  }

  @Test
  void tagsAreRefused() {
    assertRefused(
        "a: !!str 5\n", "recipe.yaml:1: tag \"!!str\" (expected a plain value). Remove it");
    assertRefused(
        "a: !python/object:os.system {}\n",
        "recipe.yaml:1: tag \"!python/object:os.system\" (expected a plain value). Remove it");
  }

  @Test
  void oneFileIsOneRecipe() {
    assertRefused(
        "a: 1\n---\nb: 2\n",
        "recipe.yaml:2: a second document (expected one recipe per file)."
            + " Move it to a file of its own");
  }

  @Test
  void deepNestingIsRefused() {
    assertRefused(
        "a: " + "[".repeat(100_000),
        "recipe.yaml:1: nested deeper than 32 levels (expected a recipe)");
    assertThat(parse("a: " + "[".repeat(31) + "]".repeat(31)).keys()).containsExactly("a");
    assertRefused(
        "a: " + "[".repeat(32) + "]".repeat(32),
        "recipe.yaml:1: nested deeper than 32 levels (expected a recipe)");
  }

  @Test
  void manyShallowListsAreFine() {
    YamlNode root = parse("a: [" + "[], ".repeat(100) + "]");
    assertThat(root.required("a", "lists").list()).hasSize(100);
  }

  @Test
  void aRecipeHasAtMostOneMebibyte() {
    String largest = "a: b #" + "x".repeat((1 << 20) - 6);
    assertThat(parse(largest).keys()).containsExactly("a");
    assertRefused(
        largest + "x", "recipe.yaml: more than 1 MiB (expected a recipe). Is it the right file?");
  }

  /// The list, its key and the map around it count, too.
  @Test
  void aRecipeHasAtMostTwentyThousandKeysAndValues() {
    String most = "a: [" + "0, ".repeat(20_000 - 3) + "]";
    assertThat(parse(most).required("a", "numbers").list()).hasSize(20_000 - 3);
    assertRefused(
        most.replace("[0", "[1,\n0"),
        "recipe.yaml:2: more than 20000 keys and values (expected a recipe). Is it the right file?");
  }

  @Test
  void bytesThatAreNotUtf8AreRefused() {
    String expected = "bytes that are not UTF-8 (expected text). Save the file as UTF-8";
    assertRefused(
        "a: 1\nb: \u00fc\n".getBytes(StandardCharsets.ISO_8859_1), "recipe.yaml:2: " + expected);
    assertRefused(new byte[] {'a', ':', ' ', (byte) 0xC3}, "recipe.yaml:1: " + expected);
  }

  @Test
  void aByteOrderMarkIsSkipped() {
    assertThat(parse("\uFEFFa: ä\n").required("a", "text").text()).isEqualTo("ä");
  }

  @Test
  void unprintableCharactersAreRefused() {
    assertRefused(
        "a: 1\nb: \u0007\n",
        "recipe.yaml:2: character U+0007 (expected printable text). Remove it");
  }

  @Test
  void tabsDoNotIndent() {
    assertRefused("a:\n\t- x\n", "recipe.yaml:2: a tab (expected spaces). Indent with spaces");
  }

  @Test
  void syntaxErrorsAreExplained() {
    String colon =
        "\":\" in the wrong place (expected one \"key: value\" per line)."
            + " Indent keys of one map alike, write a space behind \":\","
            + " and put values that contain \": \" in quotes";
    assertRefused("a: b: c\n", "recipe.yaml:1: " + colon);
    assertRefused("a: b\n c: d\n", "recipe.yaml:2: " + colon);
    assertRefused("model:out\nseed: 3\n", "recipe.yaml:2: " + colon);
    assertRefused(
        "a: {x: 1\nb: 2\n",
        "recipe.yaml:2: the \"{\" of line 1 is not closed (expected \",\" or \"}\")");
    assertRefused(
        "a: [1, 2\n", "recipe.yaml:2: the \"[\" of line 1 is not closed (expected \",\" or \"]\")");
    assertRefused(
        "a: [1,\n", "recipe.yaml:2: the file ends inside a list or map (expected \"]\" or \"}\")");
    assertRefused(
        "a: 1\nb: \"x\nc: 2\n",
        "recipe.yaml:2: a quote is opened and never closed. Close it on the same line");
    assertRefused(
        "a: @x\n",
        "recipe.yaml:1: a value starts with character '@' (expected text)."
            + " Put the value in quotes");
    String indentation =
        "does not fit what begins on line 1 (expected the same indentation)."
            + " Align the lines, and put values with special characters in quotes";
    assertRefused("a:\n  - x\n - y\n", "recipe.yaml:3: " + indentation);
    assertRefused("- a\nb: c\n", "recipe.yaml:2: " + indentation);
    assertRefused("a: \"\\q\"\n", "recipe.yaml:1: not YAML: found unknown escape character q(113)");
  }

  @Test
  void theParsersOwnExceptionIsKeptAsTheCause() {
    assertThatExceptionOfType(RecipeException.class)
        .isThrownBy(() -> parse("a: b: c"))
        .havingCause()
        .withMessageContaining("mapping values are not allowed here");
  }

  /// Whatever the bytes, the parser answers with a tree or with its own exception.
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void brokenFilesAreRefusedAndNothingElseHappens(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    String alphabet = "ab1:-?[]{},#&*!|>'\"%@`~\\ \t\n\n  .=<\u0000\u00e9\u2028";
    int refused = 0;
    for (int trial = 0; trial < 5_000; trial++) {
      StringBuilder yaml = new StringBuilder("a: ");
      int length = random.nextInt(1, 24);
      for (int i = 0; i < length; i++) {
        yaml.append(alphabet.charAt(random.nextInt(alphabet.length())));
      }
      try {
        parse(yaml.toString());
      } catch (RecipeException e) {
        assertThat(e).hasMessageMatching("(?s)recipe\\.yaml:[0-9]+: .*");
        refused++;
      }
    }
    assertThat(refused).isBetween(1, 4_999);
  }

  private static YamlNode parse(String yaml) {
    return YamlNode.parse(Path.of("recipe.yaml"), yaml.getBytes(StandardCharsets.UTF_8));
  }

  private static void assertRefused(String yaml, String message) {
    assertRefused(yaml.getBytes(StandardCharsets.UTF_8), message);
  }

  private static void assertRefused(byte[] yaml, String message) {
    assertThatExceptionOfType(RecipeException.class)
        .isThrownBy(() -> YamlNode.parse(Path.of("recipe.yaml"), yaml))
        .withMessage(message);
  }
}
