package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.recipes.recipe.RecipeReference;
import io.moepress.recipes.recipe.RecipeReference.Row;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/// The tables of keys and options in the reference of recipes are those that the code gives. What
/// stands around them is written by hand.
///
/// With `-Dmoepress.update-docs=true` the tables are written instead of compared.
class RecipesDocTest {
  private static final Path PAGE = Documents.ROOT.resolve("docs/recipes.md");
  private static final String UPDATE = "moepress.update-docs";
  private static final Pattern TABLE =
      Pattern.compile("(?s)<!-- generated: ([^>]+) -->\n(.*?)<!-- end -->\n");

  /// The tables, by what stands in their first marker.
  private static Map<String, String> tables() {
    Reference reference = Reference.of(new Methods());
    Map<String, String> tables = new LinkedHashMap<>();
    reference.parts().forEach(part -> tables.put(part.name(), RecipeReference.table(part.keys())));
    reference
        .methods()
        .forEach(
            it -> tables.put("options of " + it.method(), RecipeReference.table(it.options())));
    return tables;
  }

  @Test
  void theTablesAreThoseOfTheCode() throws IOException {
    Map<String, String> tables = tables();
    String page = Files.readString(PAGE);
    if (Boolean.getBoolean(UPDATE)) {
      Files.writeString(PAGE, TABLE.matcher(page).replaceAll(table -> rewritten(table, tables)));
      return;
    }
    List<String> faults = new ArrayList<>();
    TABLE
        .matcher(page)
        .results()
        .forEach(table -> compare(table, tables.getOrDefault(table.group(1), ""), faults));

    assertThat(faults)
        .as("docs/recipes.md is not what the code says; CONTRIBUTING.md says how to write it anew")
        .isEmpty();
  }

  private static String rewritten(MatchResult table, Map<String, String> tables) {
    String name = table.group(1);
    String rows = tables.getOrDefault(name, "");
    return Matcher.quoteReplacement("<!-- generated: " + name + " -->\n" + rows + "<!-- end -->\n");
  }

  private static void compare(MatchResult table, String expected, List<String> faults) {
    List<String> there = table.group(2).lines().toList();
    List<String> rows = expected.lines().toList();
    if (!there.equals(rows)) {
      faults.add(table.group(1) + ": differs");
      rows.stream()
          .filter(row -> !there.contains(row))
          .map("is missing: "::concat)
          .forEach(faults::add);
      there.stream()
          .filter(row -> !rows.contains(row))
          .map("is not so: "::concat)
          .forEach(faults::add);
    }
  }

  @Test
  void thereIsATableForEachPartAndForEachMethodWithOptions() throws IOException {
    List<String> marked =
        TABLE.matcher(Files.readString(PAGE)).results().map(table -> table.group(1)).toList();

    assertThat(marked).containsExactlyInAnyOrderElementsOf(tables().keySet());
    assertThat(marked).contains("recipe", "prune", "options of diep").hasSizeGreaterThan(15);
  }

  /// The table of a part stands below the heading of that part.
  @Test
  void everyTableStandsWhereItBelongs() throws IOException {
    Pattern heading = Pattern.compile("#{3,4} `([a-z]+)`");
    Reference reference = Reference.of(new Methods());
    String part = RecipeReference.WHOLE;
    for (String line : Files.readAllLines(PAGE)) {
      Matcher matcher = heading.matcher(line);
      part = matcher.matches() ? matcher.group(1) : part;
      if (line.startsWith("<!-- generated: ")) {
        String name = line.replaceAll("<!-- generated: (options of )?| -->", "");
        String step =
            reference.methods().stream()
                .filter(method -> method.method().equals(name))
                .map(Reference.Options::step)
                .findFirst()
                .orElse(name);
        assertThat(step).as(line).isEqualTo(part);
      }
    }
  }

  @Test
  void everyKeySaysWhatItTakesWhatItMeansAndWhatHoldsWithoutIt() {
    Reference reference = Reference.of(new Methods());
    List<Row> keys = new ArrayList<>();
    reference.parts().forEach(part -> keys.addAll(part.keys()));
    reference.methods().forEach(method -> keys.addAll(method.options()));

    assertThat(keys)
        .allSatisfy(key -> {
          assertThat(key.takes()).as(key.key()).isNotBlank();
          assertThat(key.meaning()).as(key.key()).matches("(?s)[A-Z`\\[].*[.]");
          assertThat(key.takes().equals("a map") || !key.defaultValue().isEmpty())
              .as("%s: default", key.key())
              .isTrue();
        });
    assertThat(keys).hasSizeGreaterThan(120);
  }
}
