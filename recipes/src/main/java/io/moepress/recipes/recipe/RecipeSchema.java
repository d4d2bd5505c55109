package io.moepress.recipes.recipe;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Objects;

/// The JSON Schema of a recipe, by which editors complete and check while one types.
///
/// It knows every key of a recipe but not the methods and their own options; the reader is stricter
/// in everything that a schema cannot say.
public final class RecipeSchema {
  private RecipeSchema() {}

  /// The schema, draft 2020-12, as JSON text.
  public static String text() {
    try (InputStream resource =
        Objects.requireNonNull(
            RecipeSchema.class.getResourceAsStream("recipe.schema.json"), "recipe.schema.json")) {
      return new String(resource.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
