package io.moepress.recipes.recipe;

/// A recipe cannot be used as it is written. The message says where (`recipe.yaml:7`), what was
/// found, what was expected and, where there is one, the way out.
public final class RecipeException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final String path;

  /// Makes an exception with a finished message.
  public RecipeException(String message) {
    this(message, "");
  }

  /// Makes an exception with a finished message and what led to it.
  public RecipeException(String message, Throwable cause) {
    this(message, cause, "");
  }

  RecipeException(String message, String path) {
    super(message);
    this.path = path;
  }

  RecipeException(String message, Throwable cause, String path) {
    super(message, cause);
    this.path = path;
  }

  /// The path of what is wrong, such as `steps[0].prune.keep`; empty when that is the whole file.
  String path() {
    return path;
  }
}
