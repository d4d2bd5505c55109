package io.moepress.recipes.recipe;

/// A recipe cannot be used as it is written. The message says where (`recipe.yaml:7`), what was
/// found, what was expected and, where there is one, the way out.
public final class RecipeException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /// Makes an exception with a finished message.
  public RecipeException(String message) {
    super(message);
  }

  /// Makes an exception with a finished message and what led to it.
  public RecipeException(String message, Throwable cause) {
    super(message, cause);
  }
}
