package io.moepress.recipes.recipe;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// The reference of recipes has a row for every key of the schema, below the heading of its part,
/// with the default that the schema has.
class RecipesDocTest {
  private static final Path PAGE = Path.of("..", "docs", "recipes.md");
  private static final JsonNode SCHEMA = new JsonMapper().readTree(RecipeSchema.text());

  /// Keys whose rows stand elsewhere: files are told about once.
  private static final Pattern ELSEWHERE = Pattern.compile("evaluate/data\\[\\]\\..*");

  @Test
  void everyKeyOfTheSchemaHasARowWithItsDefault() throws IOException {
    SortedMap<String, List<String>> sections = sections();
    List<String> faults = new ArrayList<>();

    int keys = check(sections, "", SCHEMA, faults);
    for (String part : List.of("gguf", "calibration", "compare", "evaluate")) {
      keys += check(sections, part, SCHEMA.get("properties").get(part), faults);
    }
    for (String step : List.of("prune", "merge", "sparsify", "quantize")) {
      keys += check(sections, step, SCHEMA.get("$defs").get(step), faults);
    }

    assertThat(faults).isEmpty();
    assertThat(keys).isGreaterThan(70);
  }

  /// The rows of tables below each heading whose text is one key; `""` for those above the first.
  private static SortedMap<String, List<String>> sections() throws IOException {
    SortedMap<String, List<String>> sections = new TreeMap<>();
    String name = "";
    for (String line : Files.readAllLines(PAGE)) {
      if (line.matches("#{3,4} `[a-z]+`")) {
        name = line.replaceAll("[#` ]", "");
      } else if (line.startsWith("| `")) {
        sections.computeIfAbsent(name, _ -> new ArrayList<>()).add(line);
      }
    }
    return sections;
  }

  private static int check(
      SortedMap<String, List<String>> sections, String part, JsonNode schema, List<String> faults) {
    SortedMap<String, JsonNode> leaves = new TreeMap<>();
    collect(schema, "", part.isEmpty(), leaves);
    leaves.keySet().removeIf(key -> ELSEWHERE.matcher(part + "/" + key).matches());
    leaves.forEach((key, leaf) -> {
      List<String> rows =
          sections.getOrDefault(part, List.of()).stream().filter(row -> tells(row, key)).toList();
      if (rows.isEmpty()) {
        faults.add(part + ": no row for " + key);
      } else if (leaf.has("default")
          && rows.stream().noneMatch(row -> isDefault(row, leaf.get("default").asString()))) {
        faults.add(part + ": " + key + ": the default is " + leaf.get("default"));
      }
    });
    return leaves.size();
  }

  /// Whether a row is that of a key, or names it in the row of the key above.
  private static boolean tells(String row, String key) {
    String[] cells = row.split(" \\| ", 2);
    String above = key.replaceFirst("(\\[\\])?[.].*", "");
    String last = key.replaceFirst(".*[.]", "");
    return cells[0].contains("`" + key + "`")
        || (!above.equals(key) && cells[0].contains("`" + above + "`") && row.contains(last));
  }

  private static boolean isDefault(String row, String standard) {
    String[] cells = row.split(" \\| ", -1);
    return cells[cells.length - 1].contains("`" + standard + "`") || row.contains("as for `prune`");
  }

  /// Keys that hold values, by path; on the first level not those that are parts of their own.
  private static void collect(
      JsonNode schema, String path, boolean first, SortedMap<String, JsonNode> leaves) {
    JsonNode resolved =
        schema.has("$ref") ? SCHEMA.at(schema.get("$ref").asString().substring(1)) : schema;
    for (var property : resolved.path("properties").properties()) {
      String key = path.isEmpty() ? property.getKey() : path + "." + property.getKey();
      boolean isPart = property.getValue().has("properties") || property.getKey().equals("steps");
      if (first && isPart) {
        continue;
      }
      if (!property.getValue().has("properties") && !property.getKey().equals("gates")) {
        leaves.put(key, property.getValue());
      }
      if (!path.endsWith("[]") && !property.getKey().equals("candidates")) {
        collect(property.getValue(), key, false, leaves);
      }
    }
    for (JsonNode choice : resolved.path("anyOf")) {
      collect(choice, path, first, leaves);
    }
    if (resolved.has("items") && !path.isEmpty()) {
      collect(resolved.get("items"), path + "[]", false, leaves);
    }
  }
}
