package io.moepress.recipes.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.assertj.core.api.ThrowableAssertAlternative;
import org.junit.jupiter.api.Test;

class YamlNodeTest {

  @Test
  void valuesComeOutTyped() {
    YamlNode root =
        parse(
            """
            text: a b
            number: -7
            large: 9223372036854775807
            ratio: 1.25
            whole: 3
            flag: true
            list: [x, 2]
            map: {key: value}
            """);
    assertThat(get(root, "text").text()).isEqualTo("a b");
    assertThat(get(root, "number").text()).isEqualTo("-7");
    assertThat(get(root, "number").integer()).isEqualTo(-7);
    assertThat(get(root, "large").integer()).isEqualTo(Long.MAX_VALUE);
    assertThat(get(root, "ratio").decimal()).isEqualTo(1.25);
    assertThat(get(root, "whole").decimal()).isEqualTo(3);
    assertThat(get(root, "whole").atLeast(3)).isEqualTo(3);
    assertThat(get(root, "flag").flag()).isTrue();
    assertThat(get(root, "list").list()).extracting(YamlNode::text).containsExactly("x", "2");
    assertThat(get(root, "map").isMap()).isTrue();
    assertThat(get(root, "list").isMap()).isFalse();
    assertThat(get(get(root, "map"), "key").text()).isEqualTo("value");
    assertThat(root.optional("absent")).isEmpty();
    assertThat(root.keys()).startsWith("text", "number").endsWith("map").hasSize(8);
  }

  @Test
  void valuesKnowTheirPathAndLine() {
    YamlNode root =
        parse(
            """
            # a comment
            steps:
              - prune:
                  keep:
                    50%
              - second
            """);
    assertThat(root.path()).isEmpty();
    assertThat(root.line()).isEqualTo(2);
    List<YamlNode> steps = get(root, "steps").list();
    YamlNode keep = get(get(steps.getFirst(), "prune"), "keep");
    assertThat(keep.path()).isEqualTo("steps[0].prune.keep");
    assertThat(keep.line()).isEqualTo(4);
    assertThat(steps.getLast().path()).isEqualTo("steps[1]");
    assertThat(steps.getLast().line()).isEqualTo(6);
  }

  @Test
  void wrongTypesAreRefused() {
    assertRefused("a: abc", YamlNode::integer, "\"abc\" (expected a whole number)");
    assertRefused("a: 1.5", YamlNode::integer, "1.5 (expected a whole number)");
    assertRefused("a: \"3\"", YamlNode::integer, "\"3\" (expected a whole number, without quotes)");
    assertRefused("a: [3]", YamlNode::integer, "a list (expected a whole number)");
    assertRefused("a: {b: 3}", YamlNode::integer, "a map (expected a whole number)");
    assertRefused("a:", YamlNode::integer, "no value (expected a whole number)");
    assertRefused(
        "a: 9223372036854775808",
        YamlNode::integer,
        "9223372036854775808 (expected a whole number in digits, within 64 bits)");
    assertRefused(
        "a: 0x10", YamlNode::integer, "0x10 (expected a whole number in digits, within 64 bits)");
    assertRefused("a: true", YamlNode::decimal, "true (expected a number)");
    assertRefused(
        "a: .nan", YamlNode::decimal, ".nan (expected a finite number in decimal digits)");
    assertRefused("a: 1e999", YamlNode::decimal, "1e999 (expected a finite number)");
    assertRefused("a: yes", YamlNode::flag, "\"yes\" (expected true or false)");
    assertRefused("a: 'true'", YamlNode::flag, "\"true\" (expected true or false, without quotes)");
    assertRefused("a:", YamlNode::text, "no value (expected text)");
    assertRefused("a: ~", YamlNode::text, "no value (expected text)");
    assertRefused("a: ' '", YamlNode::text, "\" \" (expected text)");
    assertRefused("a: [b]", YamlNode::text, "a list (expected text)");
    assertRefused("a: b", YamlNode::list, "\"b\" (expected a list). Write [\"b\"]");
    assertRefused("a: 3", YamlNode::list, "3 (expected a list). Write [3]");
    assertRefused("a:", YamlNode::list, "no value (expected a list)");
    assertRefused("a: {b: 3}", YamlNode::list, "a map (expected a list)");
    assertRefused("a: b", YamlNode::keys, "\"b\" (expected a map)");
  }

  @Test
  void numbersHaveLimits() {
    assertRefused(
        "a: 0", node -> node.atLeast(1), "0 (expected a whole number from 1 to 2147483647)");
    assertRefused(
        "a: 2147483648",
        node -> node.atLeast(1),
        "2147483648 (expected a whole number from 1 to 2147483647)");
  }

  @Test
  void aChoiceListsTheNamesAndSuggestsTheNearest() {
    List<String> names = List.of("file", "shuffled");
    Function<YamlNode, Object> choose = node -> node.choice(names, YamlNodeTest::known);
    assertThat(get(parse("a: file"), "a").choice(names, YamlNodeTest::known)).isEqualTo("file");
    assertRefused(
        "a: fiel", choose, "\"fiel\" (expected one of: file, shuffled). Did you mean \"file\"?");
    assertRefused("a: other", choose, "\"other\" (expected one of: file, shuffled)");
    assertRefused("a: {}", choose, "a map (expected one of: file, shuffled)");
  }

  private static Optional<String> known(String name) {
    return Optional.of(name).filter(List.of("file", "shuffled")::contains);
  }

  @Test
  void whatAConstructorRefusesIsReportedHere() {
    assertRefused("a: x", node -> node.parsed("a path", text -> illegal("not " + text)), "not x");
    assertRefused("a: []", node -> node.parsed("a path", Path::of), "a list (expected a path)");
    assertRefused("a: 1", node -> node.checked(() -> illegal("bell\u0007")), "bell?");
  }

  private static Object illegal(String message) {
    throw new IllegalArgumentException(message);
  }

  @Test
  void longAndUnprintableValuesAreShownSafely() {
    assertRefused(
        "a: " + "x".repeat(100),
        YamlNode::integer,
        "\"" + "x".repeat(60) + "…\" (expected a whole number)");
    assertRefused(
        "a: \"\\e[31m\"", YamlNode::integer, "\"?[31m\" (expected a whole number, without quotes)");
  }

  @Test
  void everyKeyHasToBeAskedFor() {
    YamlNode root = parse("a: 1\nlist:\n  - b: 2\n    c: 3\n");
    root.optional("a");
    YamlNode item = get(root, "list").list().getFirst();
    item.optional("b");
    assertThatRefusal(root::finish)
        .withMessage("recipe.yaml:4: unknown key \"c\" in \"list[0]\"; known: b");
    item.optional("c");
    root.finish();
  }

  @Test
  void anUnknownKeyNamesTheKnownOnes() {
    YamlNode root = parse("keep: 1\nkep: 1\n");
    root.optional("keep");
    root.optional("experts");
    assertThatRefusal(root::finish)
        .withMessage(
            "recipe.yaml:2: unknown key \"kep\" in the recipe; known: experts, keep."
                + " Did you mean \"keep\"?");
    assertThatRefusal(parse("zzzzzzzz: 1\n")::finish)
        .withMessage("recipe.yaml:1: unknown key \"zzzzzzzz\" in the recipe");
  }

  @Test
  void aMissingKeyIsSoughtAmongTheKeysNobodyAskedFor() {
    assertThatRefusal(() -> parse("seed: 1\nmodle: x\n").required("model", "a directory"))
        .withMessage(
            "recipe.yaml:2: model: missing (expected a directory). Did you mean it by \"modle\"?");
    assertThatRefusal(() -> parse("a:\n  other: 1\n").required("a", "a map").required("b", "text"))
        .withMessage("recipe.yaml:1: a.b: missing (expected text)");
  }

  @Test
  void theKeysAskedForAreCollectedByPath() {
    YamlNode root = parse("list:\n  - b: 2\n  - b: 3\n");
    root.optional("absent");
    get(root, "list").list().forEach(item -> item.optional("b"));
    assertThat(root.askedPaths()).containsExactly("absent", "list", "list[].b");
  }

  private static YamlNode get(YamlNode map, String key) {
    return map.required(key, "a value");
  }

  private static YamlNode parse(String yaml) {
    return YamlNode.parse(Path.of("recipe.yaml"), yaml.getBytes(StandardCharsets.UTF_8));
  }

  private static void assertRefused(String yaml, Function<YamlNode, ?> read, String problem) {
    YamlNode node = get(parse(yaml), "a");
    assertThatRefusal(() -> read.apply(node)).withMessage("recipe.yaml:1: a: " + problem);
  }

  private static ThrowableAssertAlternative<RecipeException> assertThatRefusal(
      ThrowingCallable call) {
    return assertThatExceptionOfType(RecipeException.class).isThrownBy(call);
  }
}
