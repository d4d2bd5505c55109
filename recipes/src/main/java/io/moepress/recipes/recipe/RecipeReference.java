package io.moepress.recipes.recipe;

import io.moepress.recipes.plan.MethodDescription;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import tools.jackson.databind.node.ObjectNode;

/// The reference of recipes: each key with what it takes, what it means and what holds without it,
/// all from [RecipeSchema]; and the same of the options of methods, from their descriptions.
public final class RecipeReference {
  /// A link in parentheses goes with them; of any other its text stays.
  private static final Pattern ASIDE = Pattern.compile(" \\(\\[[^\\]]*\\]\\([^)]*\\)\\)");

  private static final Pattern LINK = Pattern.compile("\\[([^\\]]*)\\]\\([^)]*\\)");

  /// The part that all others are parts of.
  public static final String WHOLE = "recipe";

  private final ValueWords words;

  /// @param catalog knows the names of methods
  public RecipeReference(MethodCatalog catalog) {
    this.words = new ValueWords(catalog);
  }

  /// What there is to say about a key of a recipe, or an option of a method. All but the key is
  /// Markdown, with links as they lead from `docs`.
  ///
  /// @param key with those above it in its part, such as `protect.experts` or `data[].file`
  /// @param takes what its value may be
  /// @param meaning what it does
  /// @param defaultValue what holds without it; empty for a map whose keys say that
  public record Row(String key, String takes, String meaning, String defaultValue) {
    private Row plain() {
      return new Row(key, takes, withoutLinks(meaning), defaultValue);
    }
  }

  /// A part of a recipe that has keys.
  ///
  /// @param name its own key, or [#WHOLE]
  /// @param meaning what it is
  /// @param keys in the order of the schema
  public record Part(String name, String meaning, List<Row> keys) {
    public Part {
      keys = List.copyOf(keys);
    }

    /// The same for a reader who has no `docs`.
    public Part withoutLinks() {
      return new Part(
          name, RecipeReference.withoutLinks(meaning), keys.stream().map(Row::plain).toList());
    }
  }

  /// All parts, the whole first.
  public List<Part> parts() {
    SchemaNode root = root();
    List<Row> keys = new ArrayList<>();
    root.properties().forEach((name, node) -> keys.add(row(root, name, name, node)));
    List<Part> parts = new ArrayList<>();
    parts.add(new Part(WHOLE, root.text("description"), keys));
    root.properties()
        .forEach((name, node) -> {
          if (!node.properties().isEmpty()) {
            parts.add(part(name, node));
          }
          node.items()
              .ifPresent(step ->
                  step.properties().forEach((kind, options) -> parts.add(part(kind, options))));
        });
    return parts;
  }

  private static SchemaNode root() {
    ObjectNode schema = RecipeSchema.source();
    return new SchemaNode(schema, schema);
  }

  private Part part(String name, SchemaNode node) {
    List<Row> keys = new ArrayList<>();
    collect(node, "", keys);
    return new Part(name, node.text("description"), keys);
  }

  private void collect(SchemaNode map, String prefix, List<Row> keys) {
    for (Map.Entry<String, SchemaNode> entry : map.properties().entrySet()) {
      String path = prefix + entry.getKey();
      keys.add(row(map, entry.getKey(), path, entry.getValue()));
      collectBelow(entry.getValue(), path, keys);
    }
  }

  /// The keys of maps in a value, unless it is told of as a whole.
  private void collectBelow(SchemaNode value, String path, List<Row> keys) {
    if (value.has("x-takes")) {
      return;
    }
    collect(value, path + ".", keys);
    value.choices().forEach(choice -> collectBelow(choice, path, keys));
    value.items().ifPresent(item -> collectBelow(item, path + "[]", keys));
  }

  private Row row(SchemaNode map, String name, String path, SchemaNode node) {
    return new Row(path, words.of(node), node.text("description"), standard(map, name, node));
  }

  private static String standard(SchemaNode map, String name, SchemaNode node) {
    if (map.requires(name)) {
      return "required";
    }
    List<String> parts = new ArrayList<>();
    map.insteadOf(name).forEach(other -> parts.add("this or " + ValueWords.code(other)));
    if (node.has("default")) {
      parts.add(ValueWords.code(ValueWords.written(node.get("default"))));
    }
    if (node.has("x-default")) {
      parts.add(node.text("x-default"));
    }
    return String.join("; ", parts);
  }

  /// The options of a method.
  public static List<Row> options(MethodDescription method) {
    return method.options().stream().map(RecipeReference::option).toList();
  }

  private static Row option(MethodDescription.Option option) {
    String standard = option.defaultValue();
    return new Row(
        option.key(),
        option.takes(),
        sentence(option.meaning()),
        standard.contains(" ") ? standard : ValueWords.code(standard));
  }

  private static String sentence(String words) {
    return words.substring(0, 1).toUpperCase(Locale.ROOT) + words.substring(1) + ".";
  }

  /// The keys as a table in Markdown.
  public static String table(List<Row> keys) {
    StringBuilder table =
        new StringBuilder("| key | takes | meaning | default |\n|---|---|---|---|\n");
    for (Row row : keys) {
      List<String> cells =
          List.of(ValueWords.code(row.key()), row.takes(), row.meaning(), row.defaultValue());
      cells.forEach(cell -> table.append("| ").append(cell.replace("|", "\\|")).append(' '));
      table.append("|\n");
    }
    return table.toString();
  }

  /// Markdown for a reader who cannot follow its links.
  static String withoutLinks(String markdown) {
    return LINK.matcher(ASIDE.matcher(markdown).replaceAll("")).replaceAll("$1");
  }
}
