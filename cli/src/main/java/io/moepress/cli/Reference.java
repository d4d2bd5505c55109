package io.moepress.cli;

import io.moepress.recipes.recipe.RecipeReference;
import io.moepress.recipes.recipe.RecipeReference.Part;
import io.moepress.recipes.recipe.RecipeReference.Row;
import java.util.List;
import java.util.stream.Stream;

/// The reference of recipes: every key of every part, and every option of every method that has
/// some.
///
/// @param parts the whole first, which has no name of its own in a recipe
/// @param methods in the order of the steps they are for
record Reference(List<Part> parts, List<Options> methods) {
  private static final List<String> STEPS =
      List.of(Methods.PRUNE, Methods.MERGE, Methods.SPARSIFY, Methods.QUANTIZE);

  Reference {
    parts = List.copyOf(parts);
    methods = List.copyOf(methods);
  }

  /// The options of a method.
  ///
  /// @param step the kind of step it is for
  record Options(String method, String step, List<Row> options) {
    Options {
      options = List.copyOf(options);
    }
  }

  /// What the code knows.
  static Reference of(Methods methods) {
    List<Options> options =
        STEPS.stream()
            .flatMap(step -> methods.names(step).stream().map(name -> options(name, step, methods)))
            .filter(method -> !method.options().isEmpty())
            .toList();
    return new Reference(new RecipeReference(methods).parts(), options);
  }

  private static Options options(String name, String step, Methods methods) {
    return new Options(
        name, step, RecipeReference.options(methods.description(name).orElseThrow()));
  }

  /// The same for a reader who has no `docs`.
  Reference withoutLinks() {
    return new Reference(parts.stream().map(Part::withoutLinks).toList(), methods);
  }

  /// All of it in Markdown.
  String text() {
    StringBuilder text = new StringBuilder();
    for (Part part : parts) {
      text.append(
              part.name().equals(RecipeReference.WHOLE)
                  ? "# Recipes"
                  : "\n## `" + part.name() + "`")
          .append("\n\n")
          .append(part.meaning())
          .append("\n\n")
          .append(RecipeReference.table(part.keys()));
      of(part)
          .forEach(method ->
              text.append("\n### Options of `")
                  .append(method.method())
                  .append("`\n\n")
                  .append(RecipeReference.table(method.options())));
    }
    return text.toString();
  }

  private Stream<Options> of(Part part) {
    return methods.stream().filter(method -> method.step().equals(part.name()));
  }
}
