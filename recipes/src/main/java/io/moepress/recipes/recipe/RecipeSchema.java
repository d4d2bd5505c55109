package io.moepress.recipes.recipe;

import io.moepress.formats.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Objects;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// The JSON Schema of a recipe, by which editors complete and check while one types.
///
/// It knows every key of a recipe but not the methods and their own options; the reader is stricter
/// in everything that a schema cannot say.
///
/// The resource is the one place that tells what a key means, and [RecipeReference] makes tables of
/// it. Its descriptions are Markdown with links as they lead from `docs`. It has three keywords of
/// its own: `x-default`, what holds without a key where that is no value; `x-takes`, what a value
/// is, where the schema itself does not tell it well; `x-methods`, the kind of methods that a value
/// is the name of. What is published has none of them: a description is plain text there, and
/// `markdownDescription`, which some editors show instead, is Markdown without links.
public final class RecipeSchema {
  private static final String DESCRIPTION = "description";
  private static final String STANDARD = "x-default";

  private RecipeSchema() {}

  /// The schema, draft 2020-12, as JSON text.
  public static String text() {
    return Json.pretty(published(source()));
  }

  /// The resource, with keywords of its own.
  static ObjectNode source() {
    try (InputStream resource =
        Objects.requireNonNull(
            RecipeSchema.class.getResourceAsStream("recipe.schema.json"), "recipe.schema.json")) {
      String text = new String(resource.readAllBytes(), StandardCharsets.UTF_8);
      return Json.object(text, "recipe.schema.json");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static JsonNode published(JsonNode node) {
    return switch (node) {
      case ObjectNode object -> publishedObject(object);
      case ArrayNode array -> {
        ArrayNode published = Json.mapper().createArrayNode();
        array.forEach(item -> published.add(published(item)));
        yield published;
      }
      default -> node;
    };
  }

  private static ObjectNode publishedObject(ObjectNode object) {
    ObjectNode published = Json.mapper().createObjectNode();
    for (Map.Entry<String, JsonNode> entry : object.properties()) {
      if (entry.getKey().equals(DESCRIPTION) && entry.getValue().isString()) {
        String markdown = RecipeReference.withoutLinks(entry.getValue().asString());
        if (object.has(STANDARD)) {
          markdown += " If not given: " + object.get(STANDARD).asString() + ".";
        }
        published.put(DESCRIPTION, markdown.replace("`", ""));
        if (markdown.contains("`")) {
          published.put("markdownDescription", markdown);
        }
      } else if (!entry.getKey().startsWith("x-")) {
        published.set(entry.getKey(), published(entry.getValue()));
      }
    }
    return published;
  }
}
