package io.moepress.recipes.recipe;

import io.moepress.formats.Words;

/// A spot in a recipe file.
///
/// @param file the file as it was typed
/// @param line counted from 1
/// @param path dotted, such as `steps[0].prune.keep`; empty at the top
record Place(String file, int line, String path) {

  Place key(String key, int keyLine) {
    String shown = Words.shown(key);
    return new Place(file, keyLine, path.isEmpty() ? shown : path + "." + shown);
  }

  Place item(int index, int itemLine) {
    return new Place(file, itemLine, path + "[" + index + "]");
  }

  /// How a message refers to what is here.
  String quoted() {
    return path.isEmpty() ? "the recipe" : "\"" + path + "\"";
  }

  /// The problem, with file, line and path in front.
  RecipeException error(String problem) {
    return new RecipeException(where() + (path.isEmpty() ? "" : path + ": ") + problem, path);
  }

  RecipeException error(String problem, Throwable cause) {
    return new RecipeException(
        where() + (path.isEmpty() ? "" : path + ": ") + problem, cause, path);
  }

  /// The problem of a whole line, with file and line in front.
  RecipeException errorOnLine(String problem) {
    return new RecipeException(where() + problem, path);
  }

  private String where() {
    return file + ":" + line + ": ";
  }
}
